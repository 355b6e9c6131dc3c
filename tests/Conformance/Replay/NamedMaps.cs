using System.Globalization;
using System.Text.Json;
using CocoGuest.Machine;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Mappings that records call by the name of the fd, and reads through them of bytes that the recorder wrote without a step of its own: it
/// wrote by another way than it read, to see whether both show the same memory. The record of such a read is the only place that says what was
/// written, so the replay writes that by the other way, once, and reads.
/// </summary>
internal static class NamedMaps
{
    /// <summary>Name of the mapping of a DRM node.</summary>
    public const string Node = "node";

    private const int RunsShown = 24;

    /// <summary>mmap of a fd by name. A mapping that no later step uses, that cannot be written, or a second one, was only tried.</summary>
    public static void Mmap(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = GuestCase.Of(c);
        string name = record.In.Text("fd");
        string protection = record.In.Text("prot", "R");
        Result<MmapResult> map = g.Guest.Mappings.Mmap(
            g.Process, g.Fd(name), record.In.Number("offset", 0), record.In.Number("len", 4096), ProtectionOf(protection),
            record.In.Text("flags", "MAP_SHARED") == "MAP_PRIVATE" ? MapFlags.Private : MapFlags.Shared);
        bool used = c.Records.Any(r => r.Step > record.Step && (r.In.Text("map", "") == name || r.Op is "reg_user_mr" or "mem_read" or "memfd_saw"));
        if (map.Ok && (!used || !protection.Contains('W', StringComparison.Ordinal) || Maps(c).ContainsKey(name)))
        {
            answers.SetResult(g.Guest.Mappings.Munmap(g.Process, map.Value.Address));
            return;
        }

        Add(c, answers, name, map);
    }

    /// <summary>Keeps a mapping by name and answers with its result.</summary>
    public static void Add(ReplayCase c, Answers answers, string name, Result<MmapResult> map)
    {
        answers.SetResult(map.Failure);
        if (map.Ok)
        {
            Maps(c)[name] = map.Value.Address;
        }
    }

    /// <summary>Address of a mapping by name, or null.</summary>
    public static ulong? Find(ReplayCase c, string name) => Maps(c).TryGetValue(name, out ulong address) ? address : null;

    /// <summary>CPU read through a mapping.</summary>
    public static void Read(ReplayCase c, Record record, Answers answers)
    {
        ulong address = Find(c, record.In.Text("map"))!.Value + record.In.Number("offset", 0);
        if (record.In.TryGetProperty("len", out JsonElement length))
        {
            ulong bytes = length.GetUInt64();
            if (answers.Observed("runs") is { } runs && runs.GetArrayLength() == 1)
            {
                WriteOtherWay(c, address, bytes, ByteOf(runs[0][0]));
            }

            answers.SetRaw("runs", FlatMemory.Runs(GuestCase.Of(c).Load(address, bytes), RunsShown));
            return;
        }

        answers.Set("byte", GuestCase.Of(c).Load(address, 1)[0].ToString("x2", CultureInfo.InvariantCulture));
    }

    /// <summary>What fcntl says about a new fd on a buffer.</summary>
    public static void AnswerFd(GuestCase g, Answers answers, BufferHandle made)
    {
        answers.Set("getfd", g.Process.Fds.IsCloseOnExec(made.Fd) ? 1L : 0L);
        answers.Set("accmode", (long)g.Process.Fds.Find(made.Fd)!.Access);
    }

    /// <summary>A byte as records have it.</summary>
    public static byte ByteOf(JsonElement text) => byte.Parse(text.GetString()!, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static Dictionary<string, ulong> Maps(ReplayCase c) => c.State<Dictionary<string, ulong>>();

    // Memory that is zero was not written yet. Zero is what a fresh object shows, so the first read of a case may be that.
    private static void WriteOtherWay(ReplayCase c, ulong address, ulong length, byte value)
    {
        GuestCase g = GuestCase.Of(c);
        Unlisted unlisted = c.State<Unlisted>();
        if (unlisted.Written || value == 0 || g.Stored)
        {
            return;
        }

        unlisted.Written = true;
        if (Find(c, Node) is { } node)
        {
            g.Fill(node, length, value);
            return;
        }

        // No other mapping is left: the kernel's.
        var bytes = new byte[length];
        bytes.AsSpan().Fill(value);
        if (g.Guest.Importers.VmapWrite(g.Process, g.Fd(g.LastBuffer!), 0, bytes) is { } failure)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }

    private static MapProtection ProtectionOf(string word) =>
        (word.Contains('R', StringComparison.Ordinal) ? MapProtection.Read : MapProtection.None)
        | (word.Contains('W', StringComparison.Ordinal) ? MapProtection.Write : MapProtection.None);

    private sealed class Unlisted
    {
        public bool Written { get; set; }
    }
}
