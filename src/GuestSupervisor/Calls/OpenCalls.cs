using System.Buffers.Binary;
using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Tree;
using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Processes;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// open, openat, openat2, creat: device nodes become emulated files, folders are listed from the machine, text files are what the machine
/// says at the moment of the open.
/// </summary>
internal sealed class OpenCalls(HandlerContext context, TracePump trace)
{
    private const int AtFdCwd = -100;
    private const int HowBytes = 24;
    private const int MostHowBytes = 4096;
    private const int ModeAt = 8;
    private const int ResolveAt = 16;
    private const ulong KnownFlags = 0x7fffc3; // VALID_OPEN_FLAGS
    private const ulong PathOnlyFlags = OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.NoFollow | OpenFlags.CloseOnExec;
    private const ulong KnownResolve = 0x3f;
    private const ulong Beneath = 8;
    private const ulong InRoot = 16;
    private const ulong TemporaryFile = 0x400000;
    private const ulong PermissionBits = 0xfff;
    private const uint NoTerminal = 0x100;
    private const uint ReadFolderFlags =
        OpenFlags.Directory | OpenFlags.NonBlock | OpenFlags.CloseOnExec | OpenFlags.LargeFile | OpenFlags.NoFollow | OpenFlags.NoAccessTime
        | NoTerminal | OpenFlags.PathOnly;
    private const uint CreatFlags = OpenFlags.Create | 0x200 | 1;

    /// <summary>Finds out, without the lock, whose file one of the four is about.</summary>
    /// <returns>False: not the guest's; the call was ended.</returns>
    public bool Prepare(StoppedCall call)
    {
        (int folder, int pathIndex) = call.Call is SystemCall.Openat or SystemCall.Openat2 ? (call.Int(0), 1) : (AtFdCwd, 0);
        if (FlagsOf(call) is not { } flags)
        {
            call.Continue(); // the kernel finds the same fault in struct open_how
            return false;
        }

        (call.Place, call.OpenFlags) = (context.PlaceOf(call, folder, pathIndex, Follows(flags)), flags);
        if (call.Place is { } place
            && (GuestPath.FdEntry(place.Path) is not null || (GuestPath.IsGuests(place.Path) && call.IsWaiting)))
        {
            return true;
        }

        if (call.Place is null || !OpenShared(call, call.Place, flags))
        {
            OpenHosts(call, folder, pathIndex, flags);
        }

        return false;
    }

    /// <summary>Handles one that may be the guest's.</summary>
    public void Handle(StoppedCall call)
    {
        if (GuestPath.FdEntry(call.Place!.Path) is { } entry)
        {
            OpenFdEntry(call, entry, call.Place.End, call.OpenFlags);
        }
        else
        {
            Open(call, call.Place.Tree, call.OpenFlags);
        }
    }

    private void OpenHosts(StoppedCall call, int folder, int pathIndex, uint flags)
    {
        if (context.Options.Strict && HostReads.IsWanted(TextOf(call, folder, pathIndex), flags))
        {
            RemoteOpen.Go(call, context.HighNumber(call.Tid), (flags & OpenFlags.CloseOnExec) != 0);
        }
        else
        {
            call.Continue();
        }
    }

    // What the path says, for who only wants to know whether to look at what the kernel opened.
    private string TextOf(StoppedCall call, int folder, int index) =>
        call.PathAt(index) is { Length: > 0 } path && context.StartOf(call, folder, path) is { } start
            ? GuestPath.Normalise(start, path) : "";

    // A folder of the host that the guest has names in: the host's own open file, at a number at which its listing is seen, found in the
    // program's root without links, and only if everybody may read it. An O_PATH fd, which lists nothing, is made only for who leaves a
    // folder of the guest by "..", where the kernel could not find it; it is a readable one, since no other can be handed over.
    private bool OpenShared(StoppedCall call, CallPlace place, uint flags)
    {
        bool byPath = (flags & OpenFlags.PathOnly) != 0;
        using var root = ProgramRoot.Of(call.Tid);
        if ((flags & ~ReadFolderFlags) != 0 || !place.IsOpen || (byPath && !place.LeftGuest)
            || context.Guest.Tree.SharedEntries(place.Path) is not { Length: > 0 } || !call.IsWaiting
            || root?.OpenFolder(place.Path) is not { } folder)
        {
            return false;
        }

        lock (context.Gate)
        {
            if (context.Processes.Of(call.Tid) is not { Ok: true } process)
            {
                folder.Dispose();
                return false;
            }

            return context.DeliverShared(call, process.Value, folder, (flags & OpenFlags.CloseOnExec) != 0) == Errno.None;
        }
    }

    // What makes a new file only does not follow a link at the end either.
    private static bool Follows(uint flags) =>
        (flags & OpenFlags.NoFollow) == 0 && (flags & (OpenFlags.Create | OpenFlags.Exclusive)) != (OpenFlags.Create | OpenFlags.Exclusive);

    private static uint? FlagsOf(StoppedCall call)
    {
        if (call.Call != SystemCall.Openat2)
        {
            return call.Call == SystemCall.Creat ? CreatFlags : call.UInt(call.Call == SystemCall.Open ? 1 : 2);
        }

        // What the kernel refuses before it looks at the path, it refuses itself: unknown bits, a size of another time that is not empty.
        byte[] how = new byte[Math.Clamp(call[3], 0, MostHowBytes)];
        if (call[3] is < HowBytes or > MostHowBytes || !call.Memory.TryRead(call[2], how)
            || how.AsSpan(HowBytes).ContainsAnyExcept((byte)0))
        {
            return null;
        }

        ulong flags = BinaryPrimitives.ReadUInt64LittleEndian(how);
        ulong mode = BinaryPrimitives.ReadUInt64LittleEndian(how.AsSpan(ModeAt));
        ulong resolve = BinaryPrimitives.ReadUInt64LittleEndian(how.AsSpan(ResolveAt));
        bool makes = (flags & (OpenFlags.Create | TemporaryFile)) != 0;
        bool refused = (flags & ~KnownFlags) != 0 || (resolve & ~KnownResolve) != 0 || (mode & ~(makes ? PermissionBits : 0)) != 0
            || (resolve & (Beneath | InRoot)) == (Beneath | InRoot)
            || ((flags & OpenFlags.PathOnly) != 0 && (flags & ~PathOnlyFlags) != 0);
        return refused ? null : (uint)flags;
    }

    private void Open(StoppedCall call, TreePlace place, uint flags)
    {
        Result<SupervisedProcess> process = context.Processes.Of(call.Tid);
        if (!process.Ok)
        {
            call.Fail(process.Failure.Errno);
            return;
        }

        TreeKind kind = context.Guest.Tree.Kind(process.Value.Machine, place);
        if (kind is TreeKind.Node or TreeKind.None)
        {
            OpenNode(call, process.Value, place, flags);
        }
        else if (context.Guest.Tree.CheckOpen(process.Value.Machine, place, flags) is { } refused)
        {
            call.Fail(refused.Errno);
        }
        else
        {
            bool closeOnExec = (flags & OpenFlags.CloseOnExec) != 0;
            Finish(call, kind switch
            {
                TreeKind.Link => context.DeliverFolder(call, process.Value, new FolderListing(place.Path, []), closeOnExec),
                TreeKind.Folder => OpenFolder(call, process.Value, place, closeOnExec),
                TreeKind.Stream => trace.Open(call, closeOnExec, (flags & OpenFlags.NonBlock) == 0),
                _ => OpenText(call, process.Value, place, closeOnExec),
            });
        }
    }

    private void OpenNode(StoppedCall call, SupervisedProcess process, TreePlace place, uint flags)
    {
        context.LearnNumbers(process);
        Result<int> fd = context.Guest.Tree.Open(process.Machine, place, flags);
        if (!fd.Ok)
        {
            call.Fail(fd.Failure.Errno);
            return;
        }

        Errno refused = context.Deliver(call, process, fd.Value, (flags & OpenFlags.CloseOnExec) != 0, $"open(\"{place.Path}\")");
        if (refused == Errno.None)
        {
            call.Return(fd.Value);
        }
        else
        {
            call.Fail(refused);
        }
    }

    private Errno OpenFolder(StoppedCall call, SupervisedProcess process, TreePlace place, bool closeOnExec)
    {
        Result<FolderListing> folder = context.Listing(process, place);
        return folder.Ok ? context.DeliverFolder(call, process, folder.Value, closeOnExec) : folder.Failure.Errno;
    }

    private Errno OpenText(StoppedCall call, SupervisedProcess process, TreePlace place, bool closeOnExec)
    {
        Result<byte[]> text = context.Guest.Tree.ReadText(process.Machine, place);
        if (!text.Ok)
        {
            return text.Failure.Errno;
        }

        using SafeFileHandle file = HostFile.CreateText(Path.GetFileName(place.Path), text.Value);
        return call.Channel.InjectAndReturn(call.Id, file, closeOnExec);
    }

    // /proc/PID/fd/N opens the file anew, /proc/PID/fdinfo/N is a text. Only those of processes of the guest can be ours.
    private void OpenFdEntry(StoppedCall call, (string Process, string Folder, int Fd) entry, string end, uint flags)
    {
        if (context.FdEntryOf(call, entry) is not { } found)
        {
            call.Continue();
            return;
        }

        if (entry.Folder == "fd" && found.File.Folder is { } folder)
        {
            Open(call, context.Guest.Tree.Resolve(folder.Path, follow: false), flags | OpenFlags.NoFollow);
            return;
        }

        TreePlace place = context.Guest.Tree.Resolve(
            string.Create(CultureInfo.InvariantCulture, $"/proc/self/{entry.Folder}/{entry.Fd}{end}"));
        if (entry.Folder == "fd")
        {
            OpenNode(call, found.Process, place, flags);
            return;
        }

        Finish(call, context.Guest.Tree.CheckOpen(found.Process.Machine, place, flags)?.Errno
            ?? OpenText(call, found.Process, place, (flags & OpenFlags.CloseOnExec) != 0));
    }

    // None: whoever opened has answered the call already.
    private static void Finish(StoppedCall call, Errno refused)
    {
        if (refused != Errno.None)
        {
            call.Fail(refused);
        }
    }
}
