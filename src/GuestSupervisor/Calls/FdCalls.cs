using System.Buffers.Binary;
using CocoGuest.Linux.Processes;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Tree;
using CocoGuest.Supervisor.Processes;
using CocoGuest.Supervisor.Seccomp;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>Calls on an emulated fd that no driver sees: what the machine's table of calls answers, lseek, fcntl, dup.</summary>
internal sealed class FdCalls(HandlerContext context)
{
    private const int StatfsBytes = 120;
    private const ulong MostVectors = 1024;
    private const uint HighPriority = 1;
    private const int DupFd = 0;
    private const int GetFd = 1;
    private const int SetFd = 2;
    private const int SetOwner = 8;
    private const int GetSignal = 11;
    private const int SetOwnerEx = 15;
    private const int GetOwnerEx = 16;
    private const int DupFdQuery = 1027;
    private const int DupFdCloseOnExec = 1030;

    // Which argument is the fd, and what the machine is asked.
    private static readonly Dictionary<SystemCall, FileCall> Table = new()
    {
        [SystemCall.Read] = FileCall.Read,
        [SystemCall.Readv] = FileCall.Readv,
        [SystemCall.Write] = FileCall.Write,
        [SystemCall.Writev] = FileCall.Writev,
        [SystemCall.Pread64] = FileCall.Pread,
        [SystemCall.Preadv] = FileCall.Pread,
        [SystemCall.Preadv2] = FileCall.Pread,
        [SystemCall.Pwrite64] = FileCall.Pwrite,
        [SystemCall.Pwritev] = FileCall.Pwrite,
        [SystemCall.Pwritev2] = FileCall.Pwrite,
        [SystemCall.Fsync] = FileCall.Fsync,
        [SystemCall.Fdatasync] = FileCall.Fdatasync,
        [SystemCall.Ftruncate] = FileCall.Ftruncate,
        [SystemCall.Fallocate] = FileCall.Fallocate,
        [SystemCall.Fadvise64] = FileCall.Fadvise,
        [SystemCall.Readahead] = FileCall.Readahead,
        [SystemCall.Getdents] = FileCall.Getdents,
        [SystemCall.Flock] = FileCall.Flock,
        [SystemCall.Fgetxattr] = FileCall.Fgetxattr,
        [SystemCall.Flistxattr] = FileCall.Flistxattr,
    };

    private readonly HostReads _hostReads = new(context);

    /// <summary>Calls that a table answers.</summary>
    public static IEnumerable<SystemCall> ByTable => Table.Keys;

    /// <summary>A call of the table.</summary>
    public void HandleByTable(StoppedCall call) => Answer(call, call.Int(0), Table[call.Call]);

    /// <summary>sendfile, splice, copy_file_range: our file is the source or the target.</summary>
    public void Transfer(StoppedCall call)
    {
        (int source, int target, FileCall from, FileCall to) = call.Call switch
        {
            SystemCall.Sendfile => (call.Int(1), call.Int(0), FileCall.SendfileFrom, FileCall.Write),
            SystemCall.Splice => (call.Int(0), call.Int(2), FileCall.SpliceFrom, FileCall.SpliceTo),
            _ => (call.Int(0), call.Int(2), FileCall.CopyFileRangeFrom, FileCall.CopyFileRangeTo),
        };
        bool isSource = context.FileAt(call, source) is not null;
        Answer(call, isSource ? source : target, isSource ? from : to);
    }

    /// <summary>lseek.</summary>
    public void Seek(StoppedCall call)
    {
        if (context.Ours(call, call.Int(0)) is { } ours)
        {
            call.End(ours.File.Folder is { } folder
                ? FolderCalls.Seek(folder, (long)call[1], call.Int(2))
                : context.Guest.Files.Lseek(ours.Process.Machine, call.Int(0), (long)call[1], call.Int(2)));
        }
    }

    /// <summary>fchmod.</summary>
    public void ChangeMode(StoppedCall call) =>
        OnFile(call, (process, fd) => context.Guest.Files.Fchmod(process.Machine, fd, call.UInt(1)));

    /// <summary>fchown.</summary>
    public void ChangeOwner(StoppedCall call) =>
        OnFile(call, (process, fd) => context.Guest.Files.Fchown(process.Machine, fd, call.UInt(1), call.UInt(2)));

    /// <summary>fchdir: into a folder of the guest one cannot go, since the host has none.</summary>
    public void ChangeFolder(StoppedCall call)
    {
        if (context.Ours(call, call.Int(0)) is { } ours)
        {
            call.Fail(ours.File.Folder is null ? Errno.ENOTDIR : Errno.EACCES);
        }
    }

    /// <summary>fstatfs.</summary>
    public void FileSystem(StoppedCall call)
    {
        if (context.Ours(call, call.Int(0)) is not { } ours)
        {
            return;
        }

        Result<FileSystemStat> stat = ours.File.Folder is { } folder
            ? GuestTree.FileSystemOf(folder.Path)
            : context.Guest.Files.Fstatfs(ours.Process.Machine, call.Int(0));
        if (!stat.Ok)
        {
            call.Fail(stat.Failure.Errno);
            return;
        }

        Span<byte> bytes = stackalloc byte[StatfsBytes];
        bytes.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, stat.Value.Type);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], FileStat.BlockSize);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[64..], stat.Value.NameLength);
        call.EndWith(call[1], bytes);
    }

    /// <summary>
    /// fcntl. Flags of the fd itself, and what the kernel keeps of any open file alike, are the host kernel's; the rest is the machine's.
    /// </summary>
    public void Control(StoppedCall call)
    {
        int fd = call.Int(0);
        if (call.Int(1) is GetFd or SetFd or (>= SetOwner and <= GetSignal) or SetOwnerEx or GetOwnerEx or DupFdQuery)
        {
            call.Continue();
            return;
        }

        if (context.Ours(call, fd) is not { } ours)
        {
            return;
        }

        if (call.Int(1) is DupFd or DupFdCloseOnExec)
        {
            Duplicate(call, ours.Process, fd, call.Int(1) == DupFdCloseOnExec, call.Int(2));
        }
        else if (ours.File.Folder is not null)
        {
            call.Continue();
        }
        else
        {
            call.End(context.Guest.Files.Fcntl(ours.Process.Machine, fd, call.Int(1), call[2], call.Memory));
        }
    }

    /// <summary>dup.</summary>
    public void Dup(StoppedCall call)
    {
        if (context.Ours(call, call.Int(0)) is { } ours)
        {
            Duplicate(call, ours.Process, call.Int(0), closeOnExec: false, least: 0);
        }
    }

    // A second number of the same open file, in the reserved range, so that calls on it are seen, too.
    private void Duplicate(StoppedCall call, SupervisedProcess process, int fd, bool closeOnExec, int least)
    {
        if (least < 0 || least >= context.Options.FdLimit)
        {
            call.Fail(Errno.EINVAL);
            return;
        }

        using SafeFileHandle? file = PidFd.TakeFd(process.Handle, fd);
        if (file is null)
        {
            call.Fail(Errno.EBADF);
            return;
        }

        int number = context.FreeNumber(process, least);
        Errno refused = number < context.Options.FdLimit ? call.Channel.Inject(call.Id, file, number, closeOnExec) : Errno.EMFILE;
        if (refused == Errno.None)
        {
            call.Return(number);
        }
        else
        {
            call.Fail(refused == Errno.EBADF ? Errno.EMFILE : refused);
        }
    }

    private void Answer(StoppedCall call, int fd, FileCall what)
    {
        if (context.FileAt(call, fd) is null && _hostReads.Refusal(call) is var refused and not Errno.None)
        {
            call.Fail(refused);
            return;
        }

        if (context.Ours(call, fd) is not { } ours)
        {
            return;
        }

        if (ours.File.Folder is not null)
        {
            call.Fail(what is FileCall.Read or FileCall.Readv or FileCall.Pread ? Errno.EISDIR : Errno.EBADF);
            return;
        }

        if (!context.Guest.Files.Waits(ours.Process.Machine, fd, what))
        {
            call.End(context.Guest.Files.Call(ours.Process.Machine, fd, what));
        }
        else if (WithoutWaiting(call) is { } answer)
        {
            call.End(answer);
        }
        else
        {
            // What it waits for never comes, but a signal may.
            context.Waits.Add(new WaitingCall(call, Interruption.Restart));
        }
    }

    // What the kernel says before it asks the driver: of the vector, the flags and the position.
    private static Result<long>? WithoutWaiting(StoppedCall call)
    {
        bool vector = call.Call is SystemCall.Readv or SystemCall.Preadv or SystemCall.Preadv2;
        bool positioned = call.Call is SystemCall.Pread64 or SystemCall.Preadv || (call.Call == SystemCall.Preadv2 && (long)call[3] != -1);
        if ((positioned && (long)call[3] < 0) || (vector && call[2] > MostVectors))
        {
            return Errno.EINVAL.AsFailure("read", "arguments");
        }

        if (call[2] == 0)
        {
            return 0L;
        }

        bool flagged = call.Call == SystemCall.Preadv2 && (call.UInt(5) & ~HighPriority) != 0;
        return flagged ? (Result<long>?)Errno.EOPNOTSUPP.AsFailure("read", "flags") : null;
    }

    private void OnFile(StoppedCall call, Func<SupervisedProcess, int, Failure?> change)
    {
        if (context.Ours(call, call.Int(0)) is { } ours)
        {
            call.End(ours.File.Folder is null ? change(ours.Process, call.Int(0)) : Errno.EPERM.AsFailure("fchmod", "fd"));
        }
    }
}
