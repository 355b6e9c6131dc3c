using System.Buffers.Binary;
using System.Globalization;
using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>dup and fcntl: what belongs to the fd and to the open file, not to the kind of file.</summary>
public sealed partial class GuestFiles
{
    private const int DupFd = 0;
    private const int GetFd = 1;
    private const int SetFd = 2;
    private const int GetFlags = 3;
    private const int SetFlags = 4;
    private const int GetLock = 5;
    private const int SetLock = 6;
    private const int SetLockWait = 7;
    private const int SetLease = 1024;
    private const int GetLease = 1025;
    private const int DupFdCloseOnExec = 1030;
    private const int SetPipeSize = 1031;
    private const int GetPipeSize = 1032;
    private const int AddSeals = 1033;
    private const int GetSeals = 1034;
    private const ulong CloseOnExecFlag = 1;
    private const short ReadLock = 0;
    private const short WriteLock = 1;
    private const short Unlock = 2;
    private const int FlockTypeBytes = 2;

    // fcntl commands that F_GETFD and its like allow on an O_PATH fd.
    private static readonly int[] PathCommands = [DupFd, DupFdCloseOnExec, GetFd, SetFd, GetFlags];

    /// <summary>dup: a second fd on the same open file, without FD_CLOEXEC. EBADF, EMFILE.</summary>
    public Result<int> Dup(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = Find(process, fd, "dup");
        return file.Ok ? Install(process, file.Value, closeOnExec: false, "dup") : file.Failure;
    }

    /// <summary>dup2: closes what was at the new number. EBADF for an fd that is not open or a number out of range.</summary>
    public Result<int> Dup2(GuestProcess process, int fd, int newFd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = Find(process, fd, "dup2");
        return !file.Ok ? file.Failure : fd == newFd ? fd : ReplaceAt(process, file.Value, newFd, closeOnExec: false, "dup2");
    }

    /// <summary>dup3: as dup2, with O_CLOEXEC; EINVAL for other flags and for the same number twice.</summary>
    public Result<int> Dup3(GuestProcess process, int fd, int newFd, uint flags)
    {
        using Lock.Scope held = _gate.Hold();
        if ((flags & ~OpenFlags.CloseOnExec) != 0 || fd == newFd)
        {
            return new Failure(Errno.EINVAL, "dup3", "check arguments", fd == newFd
                ? string.Create(CultureInfo.InvariantCulture, $"dup3 of fd {fd} to itself.")
                : $"flags 0x{flags:x} have bits outside O_CLOEXEC.", fd == newFd ? "new_fd" : "flags");
        }

        Result<GuestFile> file = Find(process, fd, "dup3");
        return file.Ok ? ReplaceAt(process, file.Value, newFd, flags != 0, "dup3") : file.Failure;
    }

    /// <summary>fcntl.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">The fd.</param>
    /// <param name="command">F_* number.</param>
    /// <param name="argument">Its argument: a number, or the address of a struct flock.</param>
    /// <param name="memory">Where such an address leads.</param>
    /// <returns>What the command returns; EBADF, EINVAL, EMFILE, EFAULT.</returns>
    public Result<long> Fcntl(GuestProcess process, int fd, int command, ulong argument, IUserMemory memory)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> found = PathCommands.Contains(command) ? Find(process, fd, "fcntl") : FindOpen(process, fd, "fcntl");
        if (!found.Ok)
        {
            return found.Failure;
        }

        GuestFile file = found.Value;
        switch (command)
        {
            case DupFd or DupFdCloseOnExec:
                return DupFrom(process, file, argument, command == DupFdCloseOnExec);
            case GetFd:
                return process.Fds.IsCloseOnExec(fd) ? (long)CloseOnExecFlag : 0;
            case SetFd:
                process.Fds.SetCloseOnExec(fd, (argument & CloseOnExecFlag) != 0);
                return 0;
            case GetFlags:
                return file.Flags | (file is PathFile ? OpenFlags.PathOnly : 0);
            case SetFlags:
                return SetStatusFlags(file, (uint)argument);
            case GetLock or SetLock or SetLockWait:
                return Lock(process, fd, command, argument, memory);
            default:
                return FcntlByTable(file, command);
        }
    }

    private static Result<long> FcntlByTable(GuestFile file, int command)
    {
        FileCall? call = command switch
        {
            SetLease => FileCall.SetLease,
            SetPipeSize or GetPipeSize => FileCall.PipeSize,
            AddSeals => FileCall.AddSeals,
            GetSeals => FileCall.GetSeals,
            _ => null,
        };
        if (command == GetLease)
        {
            // No leases, so none is held.
            return Unlock;
        }

        Errno errno = call is { } row ? FileCalls.Answer(file, row) : Errno.EINVAL;
        return errno == Errno.None
            ? 0
            : new Failure(errno, "fcntl", "check command", string.Create(CultureInfo.InvariantCulture,
                $"A {file.Kind} answers fcntl command {command} with {errno}."), "command");
    }

    private static Result<long> SetStatusFlags(GuestFile file, uint flags)
    {
        if ((flags & OpenFlags.Direct) != 0)
        {
            return new Failure(Errno.EINVAL, "fcntl", "F_SETFL",
                $"A {file.Kind} cannot be read or written directly (O_DIRECT).", "argument");
        }

        file.StatusFlags = (file.StatusFlags & ~OpenFlags.Settable) | (flags & OpenFlags.Settable);
        return 0;
    }

    private static Result<long> DupFrom(GuestProcess process, GuestFile file, ulong minimum, bool closeOnExec)
    {
        if (minimum > int.MaxValue || !process.Fds.CanHold((int)minimum))
        {
            return new Failure(Errno.EINVAL, "fcntl", "F_DUPFD",
                $"The lowest number {minimum} is beyond the limit of the fd table.", "argument");
        }

        Result<int> fd = Install(process, file, closeOnExec, "fcntl", (int)minimum);
        return fd.Ok ? fd.Value : fd.Failure;
    }

    // Locks are always granted: see FileCall.Flock. F_GETLK so finds none.
    private Result<long> Lock(GuestProcess process, int fd, int command, ulong address, IUserMemory memory)
    {
        Span<byte> bytes = stackalloc byte[FlockTypeBytes];
        if (!memory.TryRead(address, bytes))
        {
            return Fault("fcntl", address);
        }

        short type = BinaryPrimitives.ReadInt16LittleEndian(bytes);
        if (type is < ReadLock or > Unlock || (command == GetLock && type == Unlock))
        {
            return new Failure(Errno.EINVAL, "fcntl", "check lock type",
                string.Create(CultureInfo.InvariantCulture, $"{type} is no lock type."), "l_type");
        }

        if (command == GetLock)
        {
            BinaryPrimitives.WriteInt16LittleEndian(bytes, Unlock);
            return memory.TryWrite(address, bytes) ? 0 : Fault("fcntl", address);
        }

        return type == Unlock ? 0 : Call(process, fd, type == WriteLock ? FileCall.SetWriteLock : FileCall.SetReadLock);
    }

    private static Result<int> ReplaceAt(GuestProcess process, GuestFile file, int newFd, bool closeOnExec, string operation)
    {
        if (!process.Fds.CanHold(newFd))
        {
            return new Failure(Errno.EBADF, operation, "check number", string.Create(CultureInfo.InvariantCulture,
                $"The fd table does not reach number {newFd}."), "new_fd");
        }

        file.References++;
        if (process.Fds.Replace(newFd, file, closeOnExec) is { } old)
        {
            Put(old);
        }

        return newFd;
    }

    /// <summary>EFAULT for an argument that cannot be reached.</summary>
    internal static Failure Fault(string operation, ulong address) =>
        new(Errno.EFAULT, operation, "copy from or to user", $"The user memory at 0x{address:x} cannot be accessed.", "argument");
}
