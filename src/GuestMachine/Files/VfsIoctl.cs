using System.Buffers.Binary;
using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>
/// The ioctls that the VFS serves before a file sees them (S-HEAP-56).
/// Models: close-on-exec, O_NONBLOCK, FIOASYNC (no file here sends signals), block size, what file systems without the operation answer.
/// Does not model: reflinks; FIONREAD, which goes to the file because none here is a regular one.
/// </summary>
internal static class VfsIoctl
{
    private const uint SetNotCloseOnExec = 0x5450;
    private const uint SetCloseOnExec = 0x5451;
    private const uint SetAsync = 0x5452;
    private const uint SetNonBlocking = 0x5421;
    private const uint QuerySize = 0x5460;
    private const uint BlockSize = 2;
    private const uint Freeze = 0xc0045877;
    private const uint Thaw = 0xc0045878;
    private const uint Extents = 0xc020660b;
    private const uint FileSystemUuid = 0x80111500;
    private const uint FileSystemPath = 0x80811501;
    private const int IntBytes = 4;

    /// <summary>Null: not one of these commands; the file's own ioctl decides.</summary>
    public static Result<IoctlOutcome>? Run(IoctlCall call, GuestFile file) => call.Command switch
    {
        SetCloseOnExec or SetNotCloseOnExec => CloseOnExec(call.Process, call.Fd, call.Command == SetCloseOnExec),
        SetNonBlocking or SetAsync => Flag(file, call.Command, call.Argument, call.Memory),
        BlockSize => TellBlockSize(call.Argument, call.Memory),
        Freeze or Thaw => Refuse(call.Process.Uid == 0 ? Errno.EOPNOTSUPP : Errno.EPERM, file, call.Command),
        Extents => Refuse(Errno.EOPNOTSUPP, file, call.Command),
        QuerySize or FileSystemUuid or FileSystemPath => Refuse(Errno.ENOTTY, file, call.Command),
        _ => default(Result<IoctlOutcome>?),
    };

    private static Result<IoctlOutcome> CloseOnExec(GuestProcess process, int fd, bool on)
    {
        process.Fds.SetCloseOnExec(fd, on);
        return default(IoctlOutcome);
    }

    private static Result<IoctlOutcome> Flag(GuestFile file, uint command, ulong argument, IUserMemory memory)
    {
        Span<byte> value = stackalloc byte[IntBytes];
        if (new RawArgument(memory, "ioctl").Read(argument, value) is { } fault)
        {
            return fault;
        }

        bool on = BinaryPrimitives.ReadInt32LittleEndian(value) != 0;
        if (command == SetAsync)
        {
            // O_ASYNC is never set on these files, so only switching it on is a change, which they cannot make.
            return on ? Refuse(Errno.ENOTTY, file, command) : default(IoctlOutcome);
        }

        file.StatusFlags = on ? file.StatusFlags | OpenFlags.NonBlock : file.StatusFlags & ~OpenFlags.NonBlock;
        return default(IoctlOutcome);
    }

    private static Result<IoctlOutcome> TellBlockSize(ulong argument, IUserMemory memory)
    {
        Span<byte> value = stackalloc byte[IntBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(value, FileStat.BlockSize);
        return new RawArgument(memory, "ioctl").Write(argument, value) is { } fault ? fault : default(IoctlOutcome);
    }

    private static Failure Refuse(Errno errno, GuestFile file, uint command) =>
        new(errno, "ioctl", "check command", $"A {file.Kind} answers the command 0x{command:x8} with {errno} (S-HEAP-56).", "command");
}
