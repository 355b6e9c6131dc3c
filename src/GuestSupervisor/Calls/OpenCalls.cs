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
/// open, openat, openat2, creat: device nodes become emulated files, folders are listed from the machine, text files are what the
/// machine says at the moment of the open.
/// </summary>
internal sealed class OpenCalls(GuestCalls calls, TracePump trace)
{
    private const int AtFdCwd = -100;
    private const int HowBytes = 24;
    private const uint NoTerminal = 0x100;
    private const uint ReadFolderFlags =
        OpenFlags.Directory | OpenFlags.NonBlock | OpenFlags.CloseOnExec | OpenFlags.LargeFile | OpenFlags.NoFollow
        | OpenFlags.NoAccessTime | NoTerminal | OpenFlags.PathOnly;
    private const uint CreatFlags = OpenFlags.Create | 0x200 | 1;

    /// <summary>Handles one of the four.</summary>
    public void Handle(StoppedCall call)
    {
        (int folder, int pathIndex) = call.Call is SystemCall.Openat or SystemCall.Openat2 ? (call.Int(0), 1) : (AtFdCwd, 0);
        if (FlagsOf(call) is not { } flags)
        {
            call.Continue(); // the kernel finds the same fault in struct open_how
            return;
        }

        if (calls.PathOf(call, folder, call[pathIndex], Follows(flags)) is not { } path)
        {
            OpenHosts(call, "", flags);
            return;
        }

        if (GuestPath.FdEntry(path) is { } entry)
        {
            OpenFdEntry(call, entry, flags);
        }
        else if (GuestPath.IsGuests(path) && call.IsWaiting)
        {
            Open(call, path, flags);
        }
        else if (!OpenShared(call, path, flags, leaves: folder >= 0 && calls.FileAt(call, folder) is not null))
        {
            OpenHosts(call, path, flags);
        }
    }

    private void OpenHosts(StoppedCall call, string path, uint flags)
    {
        if (calls.Options.Strict && HostReads.IsWanted(path, flags))
        {
            RemoteOpen.Go(call, calls.HighNumber(call.Tid), (flags & OpenFlags.CloseOnExec) != 0);
        }
        else
        {
            call.Continue();
        }
    }

    // A folder of the host that the guest has names in: the host's own open file, at a number at which its listing is seen. An O_PATH
    // fd, which lists nothing, is made only for who leaves a folder of the guest by "..", where the kernel could not find it; it is a
    // readable one, since no other can be handed over.
    private bool OpenShared(StoppedCall call, string path, uint flags, bool leaves)
    {
        bool byPath = (flags & OpenFlags.PathOnly) != 0;
        if ((flags & ~ReadFolderFlags) != 0
            || (byPath && !leaves)
            || calls.Guest.Tree.SharedEntries(path) is not { Length: > 0 }
            || !call.IsWaiting
            || HostFile.OpenFolder(ProcFolder.RootOf(call.Tid) + path) is not { } folder)
        {
            return false;
        }

        if (calls.Processes.Of(call.Tid) is not { Ok: true } process)
        {
            folder.Dispose();
            return false;
        }

        return calls.DeliverShared(call, process.Value, folder, (flags & OpenFlags.CloseOnExec) != 0) == Errno.None;
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

        Span<byte> how = stackalloc byte[HowBytes];
        return call[3] >= HowBytes && call.Memory.TryRead(call[2], how) ? (uint)BinaryPrimitives.ReadUInt64LittleEndian(how) : null;
    }

    private void Open(StoppedCall call, string path, uint flags)
    {
        Result<SupervisedProcess> process = calls.Processes.Of(call.Tid);
        if (!process.Ok)
        {
            call.Fail(process.Failure.Errno);
            return;
        }

        TreeKind kind = calls.Guest.Tree.Kind(process.Value.Machine, path);
        if (kind is TreeKind.Node or TreeKind.None)
        {
            OpenNode(call, process.Value, path, flags);
        }
        else if (calls.Guest.Tree.CheckOpen(process.Value.Machine, path, flags) is { } refused)
        {
            call.Fail(refused.Errno);
        }
        else
        {
            bool closeOnExec = (flags & OpenFlags.CloseOnExec) != 0;
            Finish(call, kind switch
            {
                TreeKind.Link => calls.DeliverFolder(call, process.Value, new FolderListing(path, []), closeOnExec),
                TreeKind.Folder => OpenFolder(call, process.Value, path, closeOnExec),
                TreeKind.Stream => trace.Open(call, closeOnExec),
                _ => OpenText(call, process.Value, path, closeOnExec),
            });
        }
    }

    private void OpenNode(StoppedCall call, SupervisedProcess process, string path, uint flags)
    {
        calls.LearnNumbers(process);
        Result<int> fd = calls.Guest.Tree.Open(process.Machine, path, flags);
        if (!fd.Ok)
        {
            call.Fail(fd.Failure.Errno);
            return;
        }

        Errno refused = calls.Deliver(call, process, fd.Value, (flags & OpenFlags.CloseOnExec) != 0, $"open(\"{path}\")");
        if (refused == Errno.None)
        {
            call.Return(fd.Value);
        }
        else
        {
            call.Fail(refused);
        }
    }

    private Errno OpenFolder(StoppedCall call, SupervisedProcess process, string path, bool closeOnExec)
    {
        Result<FolderListing> folder = calls.Listing(process, path);
        return folder.Ok ? calls.DeliverFolder(call, process, folder.Value, closeOnExec) : folder.Failure.Errno;
    }

    private Errno OpenText(StoppedCall call, SupervisedProcess process, string path, bool closeOnExec)
    {
        Result<byte[]> text = calls.Guest.Tree.ReadText(process.Machine, path);
        if (!text.Ok)
        {
            return text.Failure.Errno;
        }

        using SafeFileHandle file = HostFile.CreateText(Path.GetFileName(path), text.Value);
        return call.Channel.InjectAndReturn(call.Id, file, closeOnExec);
    }

    // /proc/PID/fd/N opens the file anew, /proc/PID/fdinfo/N is a text. Only those of processes of the guest can be ours.
    private void OpenFdEntry(StoppedCall call, (string Process, string Folder, int Fd) entry, uint flags)
    {
        if (calls.FdEntryOf(call, entry) is not { } found)
        {
            call.Continue();
            return;
        }

        if (entry.Folder == "fd" && found.File.Folder is { } place)
        {
            Open(call, place.Path, flags | OpenFlags.NoFollow);
            return;
        }

        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/{entry.Folder}/{entry.Fd}");
        if (entry.Folder == "fd")
        {
            OpenNode(call, found.Process, path, flags);
            return;
        }

        Finish(call, calls.Guest.Tree.CheckOpen(found.Process.Machine, path, flags)?.Errno
            ?? OpenText(call, found.Process, path, (flags & OpenFlags.CloseOnExec) != 0));
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
