using System.Globalization;
using System.Text.Json;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Mappings;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Mappings that records call by the name of the fd, and reads through them of bytes that the recorder wrote without a step of its own: it
/// wrote by another way than it read, to see whether both show the same memory. The replay writes a mark by the other way, once, and reads.
/// </summary>
internal static class NamedMaps
{
    /// <summary>Name of the mapping of a DRM node.</summary>
    public const string Node = "node";

    private const int RunsShown = 24;

    /// <summary>mmap of a fd by name. A mapping that no later step uses, that cannot be written, or a second one, was only tried.</summary>
    public static void Mmap(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        string name = record.In.Text("fd");
        string protection = record.In.Text("prot", "R");
        Result<MmapResult> map = g.Guest.Mappings.Mmap(
            g.Process, g.Fd(name), record.In.Number("offset", 0), record.In.Number("len", 4096), ProtectionOf(protection),
            record.In.Text("flags", "MAP_SHARED") == "MAP_PRIVATE" ? MapFlags.Private : MapFlags.Shared);
        bool used = c.Records.Any(r =>
            r.Step > record.Step && (r.In.Text("map", "") == name || r.Op is "reg_user_mr" or "mem_read" or "memfd_saw"));
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
            WriteOtherWay(c, record, bytes);

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

    private static Dictionary<string, ulong> Maps(ReplayCase c) => c.State<Dictionary<string, ulong>>();

    // Of two equal reads in a row the first was made before the write: it looked whether a fresh object is zero.
    private static void WriteOtherWay(ReplayCase c, Record read, ulong length)
    {
        var g = GuestCase.Of(c);
        Unlisted unlisted = c.State<Unlisted>();
        bool again = c.After(read) is { } next && next.Op == read.Op && JsonElement.DeepEquals(next.In, read.In);
        if (unlisted.Written || again || g.Stored)
        {
            return;
        }

        unlisted.Written = true;
        byte value = c.Marks.Next();
        if (Find(c, Node) is { } node)
        {
            g.Fill(node, length, value);
            return;
        }

        // No other mapping is left: the kernel's.
        byte[] bytes = new byte[length];
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
