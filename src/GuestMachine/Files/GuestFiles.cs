using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Gate;

namespace CocoGuest.Machine.Files;

/// <summary>
/// Open files of a guest and the calls on their fds, whatever the kind of file, by fd number and raw arguments.
/// Models: numbers (lowest free first), references, close-on-exec, fcntl, dup, SCM_RIGHTS as share tokens, fstat, the answers of
/// <see cref="FileCalls"/>, raw ioctls. Does not model: a file system; nodes and text files are <c>GuestTree</c>'s.
/// </summary>
public sealed partial class GuestFiles
{
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly ShareTokenTable _tokens;
    private ulong _lastInode;

    internal GuestFiles(GuestCore core, ProcessTable processes)
    {
        _core = core;
        _gate = core.Gate;
        _tokens = new ShareTokenTable(core.Time, core.Limits.ShareTokens);
        processes.Holders.Add(ProcessRelease.Descriptors, DropAll);
        processes.Holders.Add(ProcessRelease.Tokens, DropTokensOf);
    }

    /// <summary>Tells of fds of native processes that lead to no file of the guest's; null: there are none.</summary>
    public INativeFds? NativeFds { get; set; }

    /// <summary>close of one fd, of any kind of file: EBADF when it is not open.</summary>
    public Failure? Close(GuestProcess process, int fd)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (process.Fds.Remove(fd) is not { } file)
        {
            return BadFd("close", fd);
        }

        Put(file);
        return null;
    }

    /// <summary>Closes all fds of a process, ascending.</summary>
    internal static void DropAll(GuestProcess process)
    {
        foreach (int fd in process.Fds.OpenFds().ToArray())
        {
            Put(process.Fds.Remove(fd)!);
        }
    }

    /// <summary>A new inode number of a dma-buf: they never repeat (S-BUF-02).</summary>
    internal ulong NextInode() => ++_lastInode;

    /// <summary>Installs a file at the lowest free number; the fd takes a reference of its own only if it succeeds (else EMFILE).</summary>
    internal static Result<int> Install(GuestProcess process, GuestFile file, bool closeOnExec, string operation, int minimum = 0)
    {
        int fd = process.Core.FaultPoints.Fails(FaultPoint.FailFd) ? -1 : process.Fds.InstallFrom(file, closeOnExec, minimum);
        if (fd < 0)
        {
            return NoFd(operation);
        }

        file.References++;
        return fd;
    }

    /// <summary>
    /// The number that a call takes before it makes what it will lead to (S-BUF-88): EMFILE where there is none. The lowest free one stays
    /// free under the lock, so nothing has to be given back when the call fails; <see cref="InstallReserved"/> uses it.
    /// </summary>
    internal static Failure? Reserve(GuestProcess process, string operation) =>
        process.Core.FaultPoints.Fails(FaultPoint.FailFd) || !process.Fds.HasRoom ? NoFd(operation) : null;

    /// <summary>Installs a file at the number that <see cref="Reserve"/> found; the fd takes a reference of its own.</summary>
    internal static int InstallReserved(GuestProcess process, GuestFile file, bool closeOnExec)
    {
        int fd = process.Fds.Install(file, closeOnExec);
        file.References++;
        return fd >= 0 ? fd : throw new InvalidOperationException("An fd is installed without a number (S-BUF-88).");
    }

    /// <summary>The file behind a fd: EBADF when it is not open.</summary>
    internal Result<GuestFile> Find(GuestProcess process, int fd, string operation) =>
        _gate.Begin(process) is { } dead ? dead
        : process.Fds.Find(fd) is { } file ? file
        : BadFd(operation, fd);

    /// <summary>
    /// The file of one kind behind a fd: EBADF when it is not open or open by path only, <paramref name="otherKind"/> when it is something
    /// else, also when that is no file of the guest's: a standard stream, or what a native process opened by itself (S-BUF-40).
    /// </summary>
    internal Result<T> Find<T>(GuestProcess process, int fd, string operation, Errno otherKind)
        where T : GuestFile
    {
        Result<GuestFile> found = Find(process, fd, operation);
        return found.Ok
            ? found.Value is T file ? file
                : found.Value is PathFile ? BadFd(operation, fd)
                : OtherKind(found.Value.Kind)
            : found.Failure.Errno == Errno.EBADF && IsOpenElsewhere(process, fd) ? OtherKind("file that is not the guest's")
            : found.Failure;

        Failure OtherKind(string kind) => new(otherKind, operation, "check file", string.Create(CultureInfo.InvariantCulture,
            $"fd {fd} is a {kind}, which does not know this operation."), "fd");
    }

    private bool IsOpenElsewhere(GuestProcess process, int fd) =>
        process.IsNative ? NativeFds?.IsOpen(process, fd) == true : process.Fds.IsStream(fd);

    /// <summary>Drops one reference; the last one releases the file.</summary>
    internal static void Put(GuestFile file)
    {
        if (--file.References == 0)
        {
            file.Released();
        }
    }

    internal static Failure NoFd(string operation) => new(Errno.EMFILE, operation, "get fd", "The process has no free fd number left.");

    internal static Failure BadFd(string operation, int fd) =>
        new(Errno.EBADF, operation, "look up fd",
            string.Create(CultureInfo.InvariantCulture, $"fd {fd} is not open in this process."), "fd");
}
