using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>
/// Names of buffers and the kernel's texts about them: families name and info, fdinfo of others. The recorder did some things between two
/// reads without a step for them (dup, O_NONBLOCK, names, a fence); they are done here at the same places.
/// </summary>
internal static partial class InfoOps
{
    private const string BufInfo = "/sys/kernel/debug/dma_buf/bufinfo";
    private const string Statistics = "/sys/kernel/dmabuf/buffers";
    private const uint SetNameA = 0x40046201;
    private const uint SetNameB = 0x40086201;
    private const uint SetNameOfSize16 = 0x40106201;
    private const uint ImportWrite = 2;
    private const int SetFlags = 4;

    /// <summary>How a moment begins at which the buffer had got a name.</summary>
    internal const string NamingMoment = "set_name ";

    /// <summary>What was done before a look at bufinfo: here, or by the steps before, which the words only tell.</summary>
    internal static readonly HashSet<string> Moments = new(StringComparer.Ordinal)
    {
        "dup + mmap", "import write fence", "fence signaled", "named", "attached, not mapped", "two attachments", "two devices", "import",
        "cross import", "gem_close", "second client import", "first closed", "second client closed", "udmabuf",
    };

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("dma_buf_set_name", SetName),
        new("fdinfo", (c, r, a) => a.Set("text", MaskedFdInfo(GuestCase.Of(c), r.In.Text("fd")))),
        new("info/fdinfo", FdInfoWithUnlistedSteps),
        new("fdinfo_pos", (c, r, a) => a.Set("pos", Line(c, r, "pos"))),
        new("fdinfo_markers", Markers),
        new("heap_fdinfo", HeapFdInfo),
        new("read_bufinfo", ReadBufInfo),
        new("bufinfo_markers", BufInfoMarkers),
        new("sysfs_list", SysfsList),
        new("sysfs_read", SysfsRead),
        new("info/stat", (c, r, a) => a.SetResult(Stat(c, $"/{r.In.Text("file")}"))),
        new("stat_after_close", StatAfterClose),
    ];

    /// <summary>A line of a fd's fdinfo as a number.</summary>
    public static ulong Line(ReplayCase c, Record record, string key)
    {
        string text = FdInfo(GuestCase.Of(c), record.In.Text("fd"));
        string line = text.Split('\n').First(l => l.StartsWith(key + ":", StringComparison.Ordinal));
        return ulong.Parse(line.AsSpan(key.Length + 1).Trim(), CultureInfo.InvariantCulture);
    }

    private static string FdInfo(GuestCase g, string fd) =>
        Encoding.Latin1.GetString(g.Guest.Files.FdInfo(g.Process, g.Fd(fd)).Value);

    private static string MaskedFdInfo(GuestCase g, string fd) => MountAndInode().Replace(FdInfo(g, fd), "$1:\tMASKED");

    private static void SetName(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        uint command = record.In.Text("variant", "B(u64)") switch { "A(u32)" => SetNameA, "B(u64)" => SetNameB, _ => SetNameOfSize16 };
        byte[] bytes = record.In.Has("ptr") ? [] : [.. Encoding.Latin1.GetBytes(record.In.Text("name")), 0];
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, bytes);
        ulong address = record.In.Has("ptr") ? HeapCommandOps.BadPointers[record.In.Text("ptr")] : memory.Address;
        answers.SetResult(g.Guest.Files.Ioctl(g.Process, g.Fd(record.In.Text("fd")), command, address, memory).Failure);
    }

    // The third read was made with a second fd, the fourth without it and with O_NONBLOCK.
    private static void FdInfoWithUnlistedSteps(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        State state = c.State<State>();
        string name = record.In.Text("fd");
        state.Reads++;
        if (state.Reads == 3)
        {
            state.Second = g.Guest.Files.Dup(g.Process, g.Fd(name)).Value;
        }
        else if (state.Reads == 4)
        {
            Must(g.Guest.Files.Close(g.Process, state.Second));
            _ = FileOps.Fcntl(g, g.Fd(name), SetFlags, OpenFlags.NonBlock);
        }

        answers.Set("text", MaskedFdInfo(g, name));
    }

    private static void Markers(ReplayCase c, Record record, Answers answers)
    {
        string text = FdInfo(GuestCase.Of(c), record.In.Text("fd"));
        answers.Set("exp_name_system", text.Contains("exp_name:\tsystem\n", StringComparison.Ordinal) ? 1L : 0L);
        answers.Set("exp_name_system_cc_shared", text.Contains("exp_name:\tsystem_cc_shared\n", StringComparison.Ordinal) ? 1L : 0L);
        answers.Set("mentions_decrypted", text.Contains("decrypt", StringComparison.OrdinalIgnoreCase) ? 1L : 0L);
    }

    private static void HeapFdInfo(ReplayCase c, Record record, Answers answers)
    {
        string text = FdInfo(GuestCase.Of(c), record.In.Text("fd"));
        answers.Set("has_exp_name", text.Contains("exp_name", StringComparison.Ordinal) ? 1L : 0L);
        answers.Set("lines", (long)text.Count(ch => ch == '\n'));
    }

    private static void ReadBufInfo(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        State state = c.State<State>();
        int fd = g.LastBuffer is { } buffer ? g.Fd(buffer) : -1;
        string after = record.In.Text("after", "");
        (int second, ulong mapped) = (-1, 0);
        switch (after)
        {
            case "dup + mmap":
                second = g.Guest.Files.Dup(g.Process, fd).Value;
                mapped = g.Guest.Mappings.Mmap(g.Process, fd, 0, null, null, MapFlags.Shared).Value.Address;
                break;
            case "import write fence":
                state.Timeline = g.Guest.Fences.CreateTimeline(g.Process, "heapprobe").Value;
                int fence = g.Guest.Fences.CreateFence(g.Process, state.Timeline, 1).Value;
                Must(g.Guest.Buffers.ImportSyncFile(g.Process, fd, ImportWrite, fence));
                break;
            case "fence signaled":
                Must(g.Guest.Fences.Advance(g.Process, state.Timeline, 1));
                break;
            case { } words when words.StartsWith(NamingMoment, StringComparison.Ordinal):
                Must(g.Guest.Buffers.SetName(g.Process, fd, words[NamingMoment.Length..]));
                break;
            default:
                NameAll(g, (int)record.In.Number("live", 1));
                break;
        }

        Result<byte[]> text = g.Guest.Tree.ReadText(g.Process, BufInfo);
        answers.SetResult(text.Failure);
        answers.Set("text", InodeColumn().Replace(Encoding.Latin1.GetString(text.Value), "$1INO\t"));
        if (second >= 0)
        {
            Must(g.Guest.Files.Close(g.Process, second));
            Must(g.Guest.Mappings.Munmap(g.Process, mapped));
        }
    }

    // Several buffers were named nm0, nm1 … in the order in which they were made.
    private static void NameAll(GuestCase g, int live)
    {
        for (int i = 0; live > 1 && i < live; i++)
        {
            Must(g.Guest.Buffers.SetName(g.Process, g.Fd(g.Buffers[i]), string.Create(CultureInfo.InvariantCulture, $"nm{i}")));
        }
    }

    private static void BufInfoMarkers(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        string text = Encoding.Latin1.GetString(g.Guest.Tree.ReadText(g.Process, BufInfo).Value);
        answers.Set("mentions_decrypted", text.Contains("decrypt", StringComparison.OrdinalIgnoreCase) ? 1L : 0L);
        answers.Set("mentions_system_cc_shared", text.Contains("system_cc_shared", StringComparison.Ordinal) ? 1L : 0L);
    }

    private static string FolderOf(GuestCase g) =>
        string.Create(CultureInfo.InvariantCulture, $"{Statistics}/{g.Guest.Files.Fstat(g.Process, g.Fd(g.LastBuffer!)).Value.Inode}");

    private static void SysfsList(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        Result<string[]> entries = g.Guest.Tree.List(g.Process, FolderOf(g));
        answers.SetRaw("entries", $"[{string.Join(',', (entries.Ok ? entries.Value : []).Select(e => $"\"{e}\""))}]");
    }

    private static void SysfsRead(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        Result<byte[]> text = g.Guest.Tree.ReadText(g.Process, $"{FolderOf(g)}/{record.In.Text("file")}");
        answers.Set("text", text.Ok ? Encoding.Latin1.GetString(text.Value) : "");
    }

    private static Failure? Stat(ReplayCase c, string file)
    {
        var g = GuestCase.Of(c);
        return g.Guest.Tree.Stat(g.Process, FolderOf(g) + file).Failure;
    }

    private static void StatAfterClose(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        string folder = FolderOf(g);
        Must(g.Guest.Files.Close(g.Process, g.Fd(g.LastBuffer!)));
        answers.SetResult(g.Guest.Tree.Stat(g.Process, folder).Failure);
    }

    private static void Must(Failure? failure)
    {
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }

    [GeneratedRegex("(mnt_id|ino):\t[0-9]+")]
    private static partial Regex MountAndInode();

    [GeneratedRegex("(?m)^((?:[0-9a-f]{8}\t){4}[^\t]*\t)[0-9]{8}\t")]
    private static partial Regex InodeColumn();

    private sealed class State
    {
        public int Reads { get; set; }

        public int Second { get; set; }

        public int Timeline { get; set; }
    }
}
