using System.Globalization;
using CocoGuest.Machine.Faults;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <summary>
/// Open files of a guest and the fds on them, whatever the kind of file.
/// Models: numbers (lowest free first), references, inode numbers. Does not model: a file system; nodes are opened by the rooms they belong to.
/// </summary>
public sealed class GuestFiles
{
    private readonly Guest _guest;
    private ulong _lastInode;

    internal GuestFiles(Guest guest) => _guest = guest;

    /// <summary>close of one fd, of any kind of file: EBADF when it is not open.</summary>
    public Failure? Close(GuestProcess process, int fd)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
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
    }

    /// <summary>A new inode number.</summary>
    internal ulong NextInode() => ++_lastInode;

    /// <summary>Installs a file at the lowest free number; the fd takes a reference of its own only if it succeeds (else EMFILE).</summary>
    internal static Result<int> Install(GuestProcess process, GuestFile file, bool closeOnExec, string operation)
    {
        int fd = process.Guest.FaultPoints.Fails(FaultPoint.FailFd) ? -1 : process.Fds.Install(file, closeOnExec);
        if (fd < 0)
        {
            return NoFd(operation);
        }

        file.References++;
        return fd;
    }

    /// <summary>The file behind a fd: EBADF when it is not open.</summary>
    internal Result<GuestFile> Find(GuestProcess process, int fd, string operation) =>
        _guest.CheckAlive(process) is { } dead ? dead
        : process.Fds.Find(fd) is { } file ? file
        : BadFd(operation, fd);

    /// <summary>The file of one kind behind a fd: EBADF when it is not open, <paramref name="otherKind"/> when it is something else.</summary>
    internal Result<T> Find<T>(GuestProcess process, int fd, string operation, Errno otherKind)
        where T : GuestFile
    {
        Result<GuestFile> found = Find(process, fd, operation);
        return !found.Ok ? found.Failure
            : found.Value is T file ? file
            : new Failure(otherKind, operation, "check file", string.Create(CultureInfo.InvariantCulture,
                $"fd {fd} is a {found.Value.Kind}, which does not know this operation."), "fd");
    }

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
        new(Errno.EBADF, operation, "look up fd", string.Create(CultureInfo.InvariantCulture, $"fd {fd} is not open in this process."), "fd");
}
