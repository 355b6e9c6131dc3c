using System.Globalization;
using CocoGuest.Linux.Files;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Tree;
using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Processes;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// What all handlers of stopped calls share: which path, process and file a call means, and how a file of the machine becomes an fd of the
/// program.
/// </summary>
internal sealed class HandlerContext(
    Guest guest, RunOptions options, FileBoard files, ProcessBoard processes, Mirror mirror, Lock gate, WaitingCalls waits)
{
    private const int AtFdCwd = -100;
    private const int ReadOnly = 0;
    private const int ReadWrite = 2;

    /// <summary>The guest.</summary>
    public Guest Guest => guest;

    /// <summary>
    /// Guards what the handlers share. What may be done without it is done without: a program must not wait for another one's folders.
    /// </summary>
    public Lock Gate => gate;

    /// <summary>Calls that wait here.</summary>
    public WaitingCalls Waits => waits;

    /// <summary>How the program is run.</summary>
    public RunOptions Options => options;

    /// <summary>What the machine is shown of the host's tables.</summary>
    public Mirror Mirror => mirror;

    /// <summary>Emulated files.</summary>
    public FileBoard Files => files;

    /// <summary>Processes of the guest.</summary>
    public ProcessBoard Processes => processes;

    /// <summary>
    /// Where a call's path leads in the program's own root; found once for all that the call does with it. Null where it is not the
    /// guest's, nor a folder above it, nor an fd: then the kernel goes on with it.
    /// </summary>
    /// <remarks>To be called without the lock: it looks at the program's folders.</remarks>
    /// <param name="call">The call.</param>
    /// <param name="folder">What a relative path starts from.</param>
    /// <param name="index">Which argument is the path.</param>
    /// <param name="follow">Whether a link at the end is followed.</param>
    public CallPlace? PlaceOf(StoppedCall call, int folder, int index, bool follow = true)
    {
        if (call.PathAt(index) is not { Length: > 0 } path || GuestPath.IsForeign(path)
            || StartOf(call, folder, path) is not { } start)
        {
            return null;
        }

        string text = $"{start}/{path}";
        if (GuestPath.HasNoName(text) || !GuestPath.IsCandidate(text, guest.Tree.Resolve(text, follow).Path)
            || ProgramRoot.Of(call.Tid) is not { } root)
        {
            return null;
        }

        using (root)
        {
            var walk = new PathWalk(guest.Tree, root, new CallerRights(call.Tid));
            return walk.Go(start, path, follow) is not { } place ? null
                : new CallPlace(guest.Tree.Resolve(place + walk.End, follow: false), walk.ThroughGuest, !walk.ThroughHidden);
        }
    }

    /// <summary>The folder that a path starts from, in the program's root; null: it is not below it, or no folder at all.</summary>
    public string? StartOf(StoppedCall call, int folder, string path)
    {
        if (path.StartsWith('/'))
        {
            return "";
        }

        if (folder != AtFdCwd && FileAt(call, folder)?.Folder is { } ours)
        {
            return ours.Path;
        }

        string entry = folder == AtFdCwd ? "cwd" : string.Create(CultureInfo.InvariantCulture, $"fd/{folder}");
        return ProcFolder.LinkOf(call.Tid, entry) is { } start && start.StartsWith('/') ? ProcFolder.BelowRoot(call.Tid, start) : null;
    }

    /// <summary>The emulated file behind a number in the caller's fd table, or null: not one of ours.</summary>
    /// <remarks>
    /// Looked up anew for each call: what ends the meaning of a number (close, dup2, exec) is not stopped, so nobody tells.
    /// </remarks>
    public EmulatedFile? FileAt(StoppedCall call, int fd)
    {
        lock (gate)
        {
            return fd < 0 ? null : call.FileAt(fd, files);
        }
    }

    /// <summary>
    /// The emulated file and the process that calls, with the machine's table up to date at that number. Null: not ours, and the call was
    /// ended.
    /// </summary>
    public (SupervisedProcess Process, EmulatedFile File)? Ours(StoppedCall call, int fd)
    {
        if (FileAt(call, fd) is not { } file)
        {
            call.Continue();
            return null;
        }

        Result<SupervisedProcess> process = processes.Of(call.Tid);
        if (!process.Ok || (file.Machine is { } machine && Place(process.Value, fd, machine) is not null))
        {
            call.Fail(Errno.EBADF);
            return null;
        }

        return (process.Value, file);
    }

    /// <summary>
    /// The process and the emulated file that an entry of a /proc fd folder is about, with the machine's table up to date; null: another
    /// file.
    /// </summary>
    public (SupervisedProcess Process, EmulatedFile File)? FdEntryOf(StoppedCall call, (string Process, string Folder, int Fd) entry)
    {
        bool isNumber = int.TryParse(entry.Process, NumberStyles.None, CultureInfo.InvariantCulture, out int named);
        int pid = isNumber ? named : processes.PidOf(call.Tid);
        if (files.Find(pid, entry.Fd) is not { } file || processes.Of(pid) is not { Ok: true } process)
        {
            return null;
        }

        return file.Machine is { } machine && Place(process.Value, entry.Fd, machine) is not null ? null : (process.Value, file);
    }

    /// <summary>The entries of a folder of the guest.</summary>
    public Result<FolderListing> Listing(SupervisedProcess process, TreePlace place)
    {
        Result<TreeEntry[]> entries = guest.Tree.Entries(process.Machine, place);
        return !entries.Ok ? entries.Failure : new FolderListing(place.Path,
        [
            new FolderEntry(".", 1, FolderEntry.Directory), new FolderEntry("..", 1, FolderEntry.Directory),
            .. entries.Value.OrderBy(e => e.Name, StringComparer.Ordinal).Select(e => new FolderEntry(e.Name, e.Inode, e.Type)),
        ]);
    }

    /// <summary>Tells the machine which of its files a number is.</summary>
    public Failure? Place(SupervisedProcess process, int fd, NativeFile file) =>
        guest.Natives.Place(process.Machine, fd, file, closeOnExec: false);

    /// <summary>
    /// Gives the program the file that the machine put at a number: the host file that stands for it goes to the same number. If that
    /// cannot be, the machine's fd is closed again.
    /// </summary>
    /// <returns>None, or why not.</returns>
    public Errno Deliver(StoppedCall call, SupervisedProcess process, int fd, bool closeOnExec, string what)
    {
        Result<NativeFile> adopted = guest.Natives.Adopt(process.Machine, fd);
        return adopted.Ok ? Deliver(call, process, adopted.Value, fd, closeOnExec, what) : adopted.Failure.Errno;
    }

    /// <summary>The same of a file that the host has already.</summary>
    public Errno Deliver(StoppedCall call, SupervisedProcess process, NativeFile machine, int fd, bool closeOnExec, string what)
    {
        // A failed injection closes the only description, and the watch tells the board, which tells the machine.
        using SafeFileHandle given = HostFileFor(machine, () => OriginOf(call, process, what), isObject: what == FdCommands.ExportObject);
        return call.Channel.Inject(call.Id, given, fd, closeOnExec);
    }

    /// <summary>Gives the program a folder of the guest, or a symbolic link opened by O_PATH, as an fd.</summary>
    public Errno DeliverFolder(StoppedCall call, SupervisedProcess process, FolderListing folder, bool closeOnExec)
    {
        using SafeFileHandle memfd = HostFile.CreateMemfd(folder.Path);
        SafeFileHandle given = HostFile.Reopen(memfd, ReadOnly);
        Origin origin = OriginOf(call, process, $"open(\"{folder.Path}\")");
        var file = new EmulatedFile(HostFile.IdentityOf(given), null, origin) { Folder = folder };
        files.AddWatched(file, given);
        return InjectHigh(call, process, given, closeOnExec);
    }

    /// <summary>
    /// Gives the program a folder of the host as an fd of the reserved range, so that its listing is seen; None: it was given, and the call
    /// is ended.
    /// </summary>
    public Errno DeliverShared(StoppedCall call, SupervisedProcess process, SafeFileHandle folder, bool closeOnExec) =>
        InjectHigh(call, process, folder, closeOnExec);

    /// <summary>
    /// A free number from the top of the reserved range, for what the machine, which numbers from the bottom, does not know of.
    /// </summary>
    public int HighNumber(int pid) =>
        Enumerable.Range(1, options.FdLimit - options.FdFloor).Select(n => options.FdLimit - n).Except(ProcFolder.FdsOf(pid))
            .FirstOrDefault(options.FdLimit);

    /// <summary>The lowest number of the reserved range, from <paramref name="least"/> on, that is free in the program.</summary>
    public int FreeNumber(SupervisedProcess process, int least)
    {
        HashSet<int> used = [.. ProcFolder.FdsOf(process.Pid)];
        int fd = Math.Max(least, options.FdFloor);
        while (used.Contains(fd))
        {
            fd++;
        }

        return fd;
    }

    /// <summary>The first of as many numbers of the reserved range as are wanted, all free; null: there are not so many.</summary>
    public int? FreeNumbers(SupervisedProcess process, int count)
    {
        int first = Math.Max(ProcFolder.FdsOf(process.Pid).DefaultIfEmpty().Max() + 1, options.FdFloor);
        return first + count <= options.FdLimit ? first : null;
    }

    /// <summary>
    /// Before the machine chooses a number: which of the reserved range the program has. Those that came by dup or fork nobody told the
    /// machine, and one that it takes for free would be put in place of what the program has there: so it is told of others' numbers, too.
    /// </summary>
    public void LearnNumbers(SupervisedProcess process)
    {
        int[] known = [.. guest.Natives.FdsOf(process.Machine)];
        int[] used = [.. ProcFolder.FdsOf(process.Pid).Where(fd => fd >= options.FdFloor)];
        foreach (int gone in known.Where(fd => fd >= options.FdFloor).Except(used))
        {
            guest.Natives.Unplace(process.Machine, gone);
        }

        List<int> others = [];
        foreach (int unknown in used.Except(known))
        {
            if (files.Find(process.Pid, unknown) is { Machine: { } machine })
            {
                _ = Place(process, unknown, machine);
            }
            else
            {
                others.Add(unknown); // a folder, or a file of the host
            }
        }

        // Most programs have none, and the guest's lock is not taken to say so again.
        if (others.Count != 0 || process.HasBlockedNumbers)
        {
            _ = guest.Natives.Block(process.Machine, [.. others]);
            process.HasBlockedNumbers = others.Count != 0;
        }
    }

    /// <summary>Where a call comes from.</summary>
    public static Origin OriginOf(StoppedCall call, SupervisedProcess process, string what) =>
        new(process.Pid, ProcFolder.NameOf(process.Pid), what, CallSite.Of(call, process.Pid));

    // From the top: the machine, which numbers from the bottom, does not know of folders.
    private Errno InjectHigh(StoppedCall call, SupervisedProcess process, SafeFileHandle given, bool closeOnExec)
    {
        int fd = HighNumber(process.Pid);
        using (given)
        {
            Errno refused = call.Channel.Inject(call.Id, given, fd, closeOnExec);
            if (refused == Errno.None)
            {
                call.Return(fd);
            }

            return refused == Errno.EBADF ? Errno.EMFILE : refused;
        }
    }

    private SafeFileHandle HostFileFor(NativeFile machine, Func<Origin> origin, bool isObject)
    {
        if (machine.Kind == FileKind.SyncFile)
        {
            (SafeFileHandle read, SafeFileHandle write) = Pipe.Create();
            files.AddPiped(new EmulatedFile(HostFile.IdentityOf(read), machine, origin()) { Signal = write });
            guest.Natives.WhenReady(machine, () => Pipe.TryWrite(write, [1]));
            return read;
        }

        SafeFileHandle given = DescriptionOf(machine, out bool programsOwn, out bool canBeMapped);
        FileIdentity identity = HostFile.IdentityOf(given);
        if (files.Find(identity) is { } present)
        {
            present.Descriptions++;
        }
        else
        {
            var file = new EmulatedFile(identity, machine, origin())
            {
                IsProgramsOwn = programsOwn,
                CanBeMapped = canBeMapped,
                HasOtherMappings = isObject,
            };
            files.AddWatched(file, given);
        }

        return given;
    }

    // Each has a description of its own, so that the end of its last reference is seen.
    private SafeFileHandle DescriptionOf(NativeFile machine, out bool programsOwn, out bool canBeMapped)
    {
        Result<SafeFileHandle> memory = machine.Mmap == MmapStyle.None
            ? Errno.ENODEV.AsFailure("open_memory", "fd")
            : guest.Natives.OpenMemory(machine);
        canBeMapped = memory.Ok;
        programsOwn = memory.Ok && HostMemfds.Of(guest).IsProgramsOwn(HostFile.IdentityOf(memory.Value));
        if (memory.Ok && !programsOwn)
        {
            return memory.Value;
        }

        // One file cannot stand for two buffers: a second udmabuf of a memfd is mapped by its ranges.
        if (memory.Ok && files.Find(HostFile.IdentityOf(memory.Value)) is { } other && other.Machine != machine)
        {
            memory.Value.Dispose();
            memory = Errno.EBUSY.AsFailure("open_memory", "fd");
            (canBeMapped, programsOwn) = (false, false);
        }

        using SafeFileHandle file = memory.Ok ? memory.Value : HostFile.CreateMemfd(machine.Kind.ToString());
        return HostFile.Reopen(file, programsOwn ? ReadWrite | (int)HostFile.OursFlag : ReadWrite);
    }
}
