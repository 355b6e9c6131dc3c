using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>The heap ioctl by raw commands and pointers, heap nodes by path: families alloc, alloc_cmd, alloc_oom, dev, env.</summary>
internal static class HeapCommandOps
{
    private const string Folder = "/dev/dma_heap";
    private const uint AllocCommand = 0xc0184800;
    private const uint SyncCommand = 0x40086200;
    private const uint AccessModeBits = 3;
    private const uint TypeMask = 0xf000;
    private const uint CharacterDevice = 0x2000;
    private const uint ModeBits = 0xffff;
    private const ulong PageBytes = 4096;
    private const ulong KernelAddress = 0xffff_8880_0000_0000;
    private static readonly ArgumentMemory NoMemory = new(0, Memory<byte>.Empty);

    /// <summary>Words of open flags.</summary>
    internal static readonly Dictionary<string, uint> FlagWords = new(StringComparer.Ordinal)
    {
        ["O_RDONLY"] = 0,
        ["O_WRONLY"] = 1,
        ["O_RDWR"] = 2,
        ["O_ACCMODE"] = OpenFlags.AccessMode,
        ["O_CREAT"] = OpenFlags.Create,
        ["O_EXCL"] = OpenFlags.Exclusive,
        ["O_NOCTTY"] = 0x100,
        ["O_TRUNC"] = 0x200,
        ["O_APPEND"] = OpenFlags.Append,
        ["O_NONBLOCK"] = OpenFlags.NonBlock,
        ["O_NDELAY"] = OpenFlags.NonBlock,
        ["O_DSYNC"] = 0x1000,
        ["O_ASYNC"] = OpenFlags.Async,
        ["O_DIRECT"] = OpenFlags.Direct,
        ["O_LARGEFILE"] = OpenFlags.LargeFile,
        ["O_SYNC"] = 0x101000,
        ["O_RSYNC"] = 0x101000,
        ["O_DIRECTORY"] = OpenFlags.Directory,
        ["O_NOFOLLOW"] = 0x20000,
        ["O_NOATIME"] = OpenFlags.NoAccessTime,
        ["O_CLOEXEC"] = OpenFlags.CloseOnExec,
        ["O_PATH"] = OpenFlags.PathOnly,
    };

    /// <summary>Addresses at which a program can read nothing, by what records call them.</summary>
    internal static readonly Dictionary<string, ulong> BadPointers = new(StringComparer.Ordinal)
    {
        ["NULL"] = 0,
        ["unmapped"] = ArgumentMemory.DefaultAddress,
        ["noncanonical"] = 0x8000_0000_0000_0000,
        ["kernel_addr"] = KernelAddress,
    };

    /// <summary>Where an argument lies, by what records call the pointer.</summary>
    internal static readonly Dictionary<string, Func<Memory<byte>, (ulong Address, ArgumentMemory Memory)>> PointerWords =
        new(StringComparer.Ordinal)
        {
            ["NULL"] = _ => (BadPointers["NULL"], NoMemory),
            ["unmapped"] = _ => (BadPointers["unmapped"], NoMemory),
            ["noncanonical"] = _ => (BadPointers["noncanonical"], NoMemory),
            ["kernel_addr"] = _ => (BadPointers["kernel_addr"], NoMemory),
            ["straddle_8"] = bytes => At(PageBytes - 8, bytes[..8]),
            ["end_exact_24"] = bytes => At(PageBytes - UserStruct.StructBytes, bytes),
            ["misaligned_1"] = bytes => At(1, bytes),
            ["readonly_page"] = bytes => At(0, bytes, writable: false),
        };

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("alloc/heap_alloc", Allocate),
        new("cc_flags/heap_alloc", Allocate),
        new("alloc_oom/heap_alloc", AllocateInChild),
        new("heap_alloc_ptr", AllocateAt),
        new("heap_ioctl_raw", Raw),
        new("ioctl_alloc", AllocateOnOpenHeap),
        new("ioctl_dma_buf_sync_on_heap", SyncOnHeap),
        new("leaked_fd_is_dma_buf", LeakedFd),
        new("lowest_fd", LowestFd),
        new("fd_state", (c, r, a) => FdState(c, r, (key, value) => a.Set(key, value), (key, value) => a.Set(key, Hex(value)))),
        new("cc_flags/fd_state", (c, r, a) => FdState(c, r, (key, value) => a.Set(key, value), (key, value) => a.Set(key, value))),
        new("open", Open),
        new("list_heaps", ListHeaps),
        new("env/stat", Stat),
        new("sysfs_uevent", Uevent),
    ];

    /// <summary>The flags that words joined by bars say; a number in hex is itself.</summary>
    public static uint FlagsOf(string words) =>
        words.Split('|').Aggregate(0U, (sum, word) =>
            sum | (FlagWords.TryGetValue(word, out uint flag) ? flag : Convert.ToUInt32(word, 16)));

    private static void Allocate(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        HeapOps.Switch(g, record);
        var argument = new UserStruct(record);
        Failure? failure = OnHeap(g, record.In.Text("heap"), AllocCommand, argument.Memory.Address, argument.Memory);
        answers.SetResult(failure);
        argument.Answer(answers);
        if (failure is null)
        {
            g.Name(answers.Label("a"), argument.Fd);
        }
    }

    // A child that asked to be killed first allocates; nothing else in the guest did.
    private static void AllocateInChild(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        GuestProcess child = g.Guest.Processes.Fork(g.Process).Value;
        Must(g.Guest.Processes.SetOomScoreAdj(child, (int)record.In.Signed("oom_score_adj", 0)));
        Result<BufferHandle> made = g.Guest.Heaps.Allocate(child, record.In.Text("heap"), record.In.Number("len"), OpenFlags.ReadWrite, 0);
        if (child.KilledBy is { } signal)
        {
            answers.Set("killed_by_signal", (long)signal);
            return;
        }

        answers.SetResult(made.Failure);
        Must(g.Guest.Processes.End(child));
    }

    private static void AllocateAt(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        var argument = new UserStruct(record);
        (ulong address, ArgumentMemory memory) = PointerWords[record.In.Text("ptr")](argument.Struct);
        int fds = g.Process.Fds.Count;
        int buffers = g.Guest.Buffers.Live;
        answers.SetResult(OnHeap(g, record.In.Text("heap"), AllocCommand, address, memory));
        answers.Set("fds_consumed", (long)(g.Process.Fds.Count - fds));
        answers.Set("bufinfo_delta", (long)(g.Guest.Buffers.Live - buffers));
    }

    // A place in the page of arguments.
    private static (ulong Address, ArgumentMemory Memory) At(ulong inside, Memory<byte> bytes, bool writable = true)
    {
        ulong address = ArgumentMemory.DefaultAddress + inside;
        return (address, new ArgumentMemory(address, bytes, writable));
    }

    private static void Raw(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        var argument = new UserStruct(record);
        uint direction = record.In.Text("dir", "RW") switch { "RW" => 3U, "W" => 1U, "R" => 2U, _ => 0U };
        string type = record.In.Text("type", "H");
        uint letter = type.StartsWith("0x", StringComparison.Ordinal) ? Convert.ToUInt32(type, 16) : type[0];
        var command = IoctlCommand.Of(direction, letter, (uint)record.In.Number("nr", 0), (uint)record.In.Number("size"));
        HeapOps.Switch(g, record);
        int fds = g.Process.Fds.Count;
        answers.SetResult(OnHeap(g, record.In.Text("heap"), command.Value, argument.Memory.Address, argument.Memory));
        answers.Set("fds_consumed", (long)(g.Process.Fds.Count - fds));
        answers.Set("fd_written_back", argument.FdChanged ? 1L : 0L);
        answers.Set("tail_untouched", argument.TailUntouched ? 1L : 0L);
    }

    private static void AllocateOnOpenHeap(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        var argument = new UserStruct(record);
        ArgumentMemory memory = argument.Memory;
        Result<IoctlOutcome> done = g.Guest.Files.Ioctl(g.Process, g.Fd(record.In.Text("fd")), AllocCommand, memory.Address, memory);
        answers.SetResult(done.Failure);
        if (done.Ok)
        {
            g.Name(answers.Label("a"), argument.Fd);
        }
    }

    private static void SyncOnHeap(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        int heap = g.Fd(record.In.Text("fd"));
        HashSet<int> before = [.. g.Process.Fds.OpenFds()];
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, BitConverter.GetBytes(record.In.Number("flags")));
        answers.SetResult(g.Guest.Files.Ioctl(g.Process, heap, SyncCommand, memory.Address, memory).Failure);
        int[] leaked = [.. g.Process.Fds.OpenFds().Where(fd => !before.Contains(fd))];
        answers.Set("fds_consumed", (long)leaked.Length);
        if (leaked.Length == 1)
        {
            g.Name("leaked", leaked[0]);
        }
    }

    private static void LeakedFd(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        int fd = g.Fd(g.LastBuffer!);
        answers.Set("seek_end", g.Guest.Files.Lseek(g.Process, fd, 0, 2).Value);
        answers.Set("getfl_accmode", (long)(FileOps.Fcntl(g, fd, FileOps.GetFlags).Value & AccessModeBits));
        answers.Set("getfd", FileOps.Fcntl(g, fd, FileOps.GetFd).Value);
    }

    // The recorder opened the heap at the lowest free number, so the buffer came behind it.
    private static void LowestFd(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        int probe = g.Guest.Tree.Open(g.Process, $"{Folder}/system", OpenFlags.ReadWrite).Value;
        Must(g.Guest.Files.Close(g.Process, probe));
        var argument = new UserStruct(record);
        Must(OnHeap(g, "system", AllocCommand, argument.Memory.Address, argument.Memory));
        answers.Set("is_lowest", argument.Fd == probe ? 1L : 0L);
    }

    // Families write sizes in decimal or in hex.
    private static void FdState(ReplayCase c, Record record, Action<string, ulong> set, Action<string, ulong> setSize)
    {
        var g = GuestCase.Of(c);
        int fd = g.Fd(record.In.Text("fd"));
        ulong flags = (ulong)FileOps.Fcntl(g, fd, FileOps.GetFlags).Value;
        set("accmode", flags & AccessModeBits);
        set("getfl_accmode", flags & AccessModeBits);
        setSize("getfl_other", flags & ~(ulong)AccessModeBits);
        set("getfd", (ulong)FileOps.Fcntl(g, fd, FileOps.GetFd).Value);
        setSize("seek_end", (ulong)g.Guest.Files.Lseek(g.Process, fd, 0, 2).Value);
        setSize("st_size", g.Guest.Files.Fstat(g.Process, fd).Value.Size);
    }

    private static void Open(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        uint uid = (uint)record.In.Number("uid", 0);
        Must(g.Guest.Processes.SetCredentials(g.Process, uid, uid));
        Result<int> fd = g.Guest.Tree.Open(g.Process, record.In.Text("path"), FlagsOf(record.In.Text("flags")));
        answers.SetResult(fd.Failure);
        if (fd.Ok)
        {
            g.NameFile(answers.Label(GuestCase.HeapFile), fd.Value);
        }
    }

    private static void ListHeaps(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        string[] names = g.Guest.Tree.List(g.Process, record.In.Text("dir")).Value;
        answers.SetRaw("heaps", $"[{string.Join(',', names.Select(n => $"\"{n}\""))}]");
        answers.Set("unordered", true);
    }

    private static void Stat(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        Result<FileStat> stat = g.Guest.Tree.Stat(g.Process, record.In.Text("path"));
        answers.SetResult(stat.Failure);
        if (stat.Ok)
        {
            answers.Set("mode", $"0{Convert.ToString(stat.Value.Mode & ModeBits, 8)}");
            answers.Set("uid", (ulong)stat.Value.Uid);
            answers.Set("gid", (ulong)stat.Value.Gid);
            answers.Set("is_chr", (stat.Value.Mode & TypeMask) == CharacterDevice ? 1L : 0L);
        }
    }

    private static void Uevent(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        string text = System.Text.Encoding.Latin1.GetString(
            g.Guest.Tree.ReadText(g.Process, $"/sys/class/dma_heap/{record.In.Text("heap")}/uevent").Value);
        answers.Set("has_major", text.Contains("MAJOR=", StringComparison.Ordinal) ? 1L : 0L);
        answers.Set("has_devname", text.Contains($"DEVNAME=dma_heap/{record.In.Text("heap")}", StringComparison.Ordinal) ? 1L : 0L);
    }

    // A fresh fd of the node for one ioctl.
    private static Failure? OnHeap(GuestCase g, string heap, uint command, ulong address, ArgumentMemory memory)
    {
        Result<int> node = g.Guest.Tree.Open(g.Process, $"{Folder}/{heap}", OpenFlags.ReadWrite);
        if (!node.Ok)
        {
            return node.Failure;
        }

        Result<IoctlOutcome> done = g.Guest.Files.Ioctl(g.Process, node.Value, command, address, memory);
        Must(g.Guest.Files.Close(g.Process, node.Value));
        return done.Failure;
    }

    private static void Must(Failure? failure)
    {
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");
}
