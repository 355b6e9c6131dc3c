using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Calls on an fd and raw dma-buf ioctls: families fileops, lseek, dev, sync, udmabuf in parts.</summary>
internal static class FileOps
{
    public const int GetFd = 1;
    public const int GetFlags = 3;
    private const int DupFdCloseOnExec = 1030;
    private const int SetFlags = 4;
    private const int SetLock = 6;
    private const uint Fionread = 0x541b;
    private const uint Fionbio = 0x5421;
    private const uint Fioclex = 0x5451;
    private const uint Tcgets = 0x5401;
    private const uint SyncCommand = 0x40086200;

    /// <summary>Commands of a dma-buf by name.</summary>
    internal static readonly Dictionary<string, uint> CommandWords = new(StringComparer.Ordinal)
    {
        ["SYNC"] = SyncCommand,
        ["SET_NAME_A"] = 0x40046201,
        ["SET_NAME_B"] = 0x40086201,
        ["EXPORT_SYNC_FILE"] = 0xc0086202,
        ["IMPORT_SYNC_FILE"] = 0x40086203,
    };

    /// <summary>Kinds of record locks.</summary>
    internal static readonly Dictionary<string, short> LockWords = new(StringComparer.Ordinal)
    {
        ["F_RDLCK"] = 0,
        ["F_WRLCK"] = 1,
        ["F_UNLCK"] = 2,
    };

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        Plain("read", FileCall.Read), Plain("readv", FileCall.Readv), Plain("write", FileCall.Write), Plain("writev", FileCall.Writev),
        Plain("pread", FileCall.Pread), Plain("pwrite", FileCall.Pwrite), Plain("fsync", FileCall.Fsync),
        Plain("fdatasync", FileCall.Fdatasync),
        Plain("ftruncate", FileCall.Ftruncate), Plain("fallocate", FileCall.Fallocate), Plain("posix_fadvise", FileCall.Fadvise),
        Plain("readahead", FileCall.Readahead), Plain("getdents", FileCall.Getdents), Plain("fchdir", FileCall.Fchdir),
        Plain("flock", FileCall.Flock), Plain("fcntl_setlease", FileCall.SetLease), Plain("fcntl_getpipe_sz", FileCall.PipeSize),
        Plain("splice_in", FileCall.SpliceFrom), Plain("splice_out", FileCall.SpliceTo), Plain("sendfile_from", FileCall.SendfileFrom),
        Plain("copy_file_range_from", FileCall.CopyFileRangeFrom), Plain("copy_file_range_to", FileCall.CopyFileRangeTo),
        Plain("fgetxattr", FileCall.Fgetxattr), Plain("flistxattr", FileCall.Flistxattr),
        Plain("fileops/fcntl_add_seals", FileCall.AddSeals), Plain("fileops/fcntl_get_seals", FileCall.GetSeals),
        new("fcntl_setlk", SetLk),
        new("fcntl_getfl", (c, r, a) => Answer(a, Fcntl(c, r, GetFlags))),
        new("fcntl_getfd", (c, r, a) => Answer(a, Fcntl(c, r, GetFd))),
        new("fcntl_setfl", (c, r, a) => Answer(a, Fcntl(c, r, SetFlags, HeapCommandOps.FlagsOf(r.In.Text("flags"))))),
        new("lseek", (c, r, a) => Answer(a, Files(c).Lseek(
            Process(c), Fd(c, r), r.In.Signed("offset", 0), (int)r.In.Signed("whence", 0)))),
        new("fchmod", (c, r, a) => a.SetResult(Files(c).Fchmod(Process(c), Fd(c, r), Convert.ToUInt32(r.In.Text("mode"), 8)))),
        new("fchown", (c, r, a) => a.SetResult(Files(c).Fchown(
            Process(c), Fd(c, r), (uint)r.In.Number("uid"), (uint)r.In.Number("gid")))),
        new("fstat", Fstat),
        new("fstatfs", Fstatfs),
        new("readlink_proc_fd", ReadLink),
        new("reopen_proc_fd", (c, r, a) => a.SetResult(GuestCase.Of(c).Guest.Tree.Open(
            Process(c), string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{Fd(c, r)}"),
            HeapCommandOps.FlagsOf(r.In.Text("flags"))).Failure)),
        new("ioctl_fionread", (c, r, a) => Ioctl(c, r, a, Fionread, 0)),
        new("ioctl_fionbio", (c, r, a) => Ioctl(c, r, a, Fionbio, r.In.Number("value"))),
        new("ioctl_fioclex", (c, r, a) => Ioctl(c, r, a, Fioclex, 0)),
        new("ioctl_tcgets", (c, r, a) => Ioctl(c, r, a, Tcgets, 0)),
        new("sync/dma_buf_sync", (c, r, a) => Ioctl(c, r, a, SyncCommand, r.In.Number("flags"))),
        new("life/dma_buf_sync", (c, r, a) => Ioctl(c, r, a, SyncCommand, r.In.Number("flags"))),
        new("dma_buf_ioctl_raw", RawIoctl),
    ];

    /// <summary>fcntl with a number as argument.</summary>
    public static Result<long> Fcntl(GuestCase g, int fd, int command, ulong argument = 0) =>
        g.Guest.Files.Fcntl(g.Process, fd, command, argument, new ArgumentMemory(0, Memory<byte>.Empty));

    /// <summary>The return value, or −1 with the errno.</summary>
    public static void Answer(Answers answers, Result<long> result)
    {
        answers.SetResult(result.Failure);
        if (result.Ok)
        {
            answers.Set("rc", result.Value);
        }
    }

    /// <summary>F_DUPFD_CLOEXEC.</summary>
    public static Result<long> Duplicate(GuestCase g, int fd) => Fcntl(g, fd, DupFdCloseOnExec);

    private static GuestFiles Files(ReplayCase c) => GuestCase.Of(c).Guest.Files;

    private static CocoGuest.Machine.Files.GuestProcess Process(ReplayCase c) => GuestCase.Of(c).Process;

    // The node of udmabuf is open in its cases without a step.
    private static int Fd(ReplayCase c, Record record)
    {
        var g = GuestCase.Of(c);
        string name = record.In.Text("fd", "");
        if (name == "udmabuf_dev" && g.Fd(name) < 0)
        {
            g.NameFile(name, g.Guest.Udmabufs.Open(g.Process).Value);
        }

        return g.Fd(name);
    }

    private static OpTable.Row Plain(string op, FileCall call) =>
        new(op, (c, r, a) => Answer(a, Files(c).Call(Process(c), Fd(c, r), call)));

    private static Result<long> Fcntl(ReplayCase c, Record record, int command, ulong argument = 0) =>
        Fcntl(GuestCase.Of(c), Fd(c, record), command, argument);

    private static void SetLk(ReplayCase c, Record record, Answers answers)
    {
        short type = LockWords[record.In.Text("type")];
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, BitConverter.GetBytes(type));
        Answer(answers, Files(c).Fcntl(Process(c), Fd(c, record), SetLock, memory.Address, memory));
    }

    private static void Fstat(ReplayCase c, Record record, Answers answers)
    {
        Result<FileStat> stat = Files(c).Fstat(Process(c), Fd(c, record));
        answers.SetResult(stat.Failure);
        if (stat.Ok)
        {
            answers.Set("mode", $"0{Convert.ToString(stat.Value.Mode, 8)}");
            answers.Set("size", stat.Value.Size);
            answers.Set("blocks", stat.Value.Blocks);
            answers.Set("blksize", (ulong)FileStat.BlockSize);
            answers.Set("nlink", (ulong)stat.Value.Links);
            answers.Set("uid", (ulong)stat.Value.Uid);
            answers.Set("gid", (ulong)stat.Value.Gid);
            answers.Set("rdev", (ulong)stat.Value.RawDevice);
        }
    }

    private static void Fstatfs(ReplayCase c, Record record, Answers answers)
    {
        Result<FileSystemStat> stat = Files(c).Fstatfs(Process(c), Fd(c, record));
        answers.SetResult(stat.Failure);
        if (stat.Ok)
        {
            answers.Set("type", string.Create(CultureInfo.InvariantCulture, $"0x{stat.Value.Type:x}"));
            answers.Set("bsize", (ulong)stat.Value.BlockSize);
            answers.Set("namelen", (ulong)stat.Value.NameLength);
        }
    }

    private static void ReadLink(ReplayCase c, Record record, Answers answers)
    {
        Result<byte[]> target = Files(c).ReadLink(Process(c), Fd(c, record));
        answers.SetResult(target.Failure);
        if (target.Ok)
        {
            answers.Set("target", System.Text.Encoding.Latin1.GetString(target.Value));
        }
    }

    private static void Ioctl(ReplayCase c, Record record, Answers answers, uint command, ulong value)
    {
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, BitConverter.GetBytes(value));
        Result<IoctlOutcome> done = Files(c).Ioctl(Process(c), Fd(c, record), command, memory.Address, memory);
        Answer(answers, done.Ok ? done.Value.Value : done.Failure);
    }

    // Sent to the buffer of the case, with a command put together or with a bad pointer.
    private static void RawIoctl(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        if (record.In.Has("ptr"))
        {
            Result<IoctlOutcome> bad = g.Guest.Files.Ioctl(
                g.Process, g.Fd(g.LastBuffer!), CommandWords[record.In.Text("cmd", "SYNC")],
                HeapCommandOps.BadPointers[record.In.Text("ptr")], new ArgumentMemory(0, Memory<byte>.Empty));
            answers.SetResult(bad.Failure);
            return;
        }

        uint command = IoctlCommand.Of(
            (uint)record.In.Number("dir"), record.In.Text("type")[0], (uint)record.In.Number("nr"), (uint)record.In.Number("size")).Value;
        byte[] bytes = new byte[1 << 14];
        BitConverter.TryWriteBytes(bytes, record.In.Number("u64_0", 0));
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, bytes);
        answers.SetResult(g.Guest.Files.Ioctl(g.Process, g.Fd(g.LastBuffer!), command, memory.Address, memory).Failure);
    }
}
