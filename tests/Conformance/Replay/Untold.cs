namespace CocoGuest.Tests.Replay;

/// <summary>
/// Bytes that the recorder stored without a step of its own, so that a later step could see whether they survive. Which bytes is not
/// recorded: <see cref="Marks"/> stand for them, from the moment the mapping is made, and the machine has to keep them.
/// </summary>
internal static class Untold
{
    private static readonly string[] Writers = ["mem_fill", "mem_poke", "cpu_write", "device_write"];

    /// <summary>
    /// Marks the bytes that later steps of the case read one by one, if the mapping just made may be written to and no step writes.
    /// </summary>
    public static void Store(ReplayCase c, Record mapping)
    {
        if (!mapping.In.Text("prot", "").Contains('W', StringComparison.Ordinal) || c.Has(Writers))
        {
            return;
        }

        var g = GuestCase.Of(c);
        foreach (ulong offset in c.Records
            .Where(r => r.Step > mapping.Step && ReadsOneByte(r)).Select(r => r.In.Number("offset", 0)).Distinct())
        {
            g.Store(g.Mapping!.Value.Address + offset, [c.Marks.Next()]);
        }
    }

    private static bool ReadsOneByte(Record record) => record.Op == "mem_read" && !record.In.Has("len") && !record.In.Has("offsets");
}
