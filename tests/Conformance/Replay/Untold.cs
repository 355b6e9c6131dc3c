using System.Globalization;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Bytes that the recorder stored without a step of its own, so that a later step could see whether they survive. What it stored is known from
/// that step alone; it is stored here at the moment the mapping is made, and the machine has to keep it.
/// </summary>
internal static class Untold
{
    // Steps that show a byte which no step wrote, with the field that holds it.
    private static readonly Dictionary<string, string> Readers = new(StringComparer.Ordinal)
    {
        ["mem_read"] = "byte",
        ["child_saw"] = "byte",
        ["child_received"] = "byte0",
    };

    private static readonly string[] Writers = ["mem_fill", "mem_poke", "cpu_write", "device_write"];

    /// <summary>Gives the case's buffer the name that the mapping's name shows, if no step has given it one.</summary>
    public static void Name(ReplayCase c, Answers answers)
    {
        const string Prefix = "/dmabuf:";
        string shown = answers.Observed("name")?.GetString() ?? "";
        if (shown.Length > Prefix.Length && !c.Records.Any(r => r.Op == "dma_buf_set_name"))
        {
            GuestCase g = GuestCase.Of(c);
            _ = g.Guest.Buffers.SetName(g.Process, g.Fd(g.LastBuffer!), shown[Prefix.Length..]);
        }
    }

    /// <summary>Stores what later steps of the case expect, if the mapping just made may be written to.</summary>
    public static void Store(ReplayCase c, Record mapping)
    {
        if (!mapping.In.Text("prot", "").Contains('W', StringComparison.Ordinal) || c.Records.Any(r => Writers.Contains(r.Op)))
        {
            return;
        }

        GuestCase g = GuestCase.Of(c);
        foreach (Record reader in c.Records.Where(r => r.Step > mapping.Step && Readers.ContainsKey(r.Op)))
        {
            if (reader.Out.Text(Readers[reader.Op], "") is { Length: > 0 } hex)
            {
                c.Planted.Add(reader);
                byte value = byte.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                g.Store(g.Mapping!.Value.Address + reader.In.Number("offset", 0), [value]);
            }
        }
    }
}
