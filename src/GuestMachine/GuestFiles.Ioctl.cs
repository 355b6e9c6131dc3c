using System.Buffers.Binary;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <summary>
/// Raw ioctls: first those that the VFS serves for every file, then the file's own (S-HEAP-20, S-BUF-60, 70, 76).
/// </summary>
public sealed partial class GuestFiles
{
    private const uint SetNotCloseOnExec = 0x5450;
    private const uint SetCloseOnExec = 0x5451;
    private const uint SetAsync = 0x5452;
    private const uint SetNonBlocking = 0x5421;
    private const uint Sync = 0x40086200;
    private const uint SetNameA = 0x40046201;
    private const uint SetNameB = 0x40086201;
    private const int IntBytes = 4;

    /// <summary>ioctl with a raw command and the address of its argument.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">The fd.</param>
    /// <param name="command">The command.</param>
    /// <param name="argument">Its argument: an address, mostly.</param>
    /// <param name="memory">Where addresses lead.</param>
    /// <returns>0; EBADF, EFAULT, ENOTTY, EINVAL and what the operation returns.</returns>
    public Result<long> Ioctl(GuestProcess process, int fd, uint command, ulong argument, IUserMemory memory)
    {
        lock (_guest.Gate)
        {
            Result<GuestFile> found = FindOpen(process, fd, "ioctl");
            return !found.Ok ? found.Failure
                : GenericIoctl(process, fd, found.Value, command, argument, memory)
                    ?? found.Value switch
                    {
                        DmaBuf buffer => BufferIoctl(process, fd, buffer, command, argument, memory),
                        HeapDeviceFile heap => new HeapIoctl(_guest, process, heap.Node, memory).Run(new IoctlCommand(command), argument),
                        _ => NotACommand(command, found.Value),
                    };
        }
    }

    // Null: not one of the commands that the VFS serves.
    private static Result<long>? GenericIoctl(GuestProcess process, int fd, GuestFile file, uint command, ulong argument, IUserMemory memory)
    {
        switch (command)
        {
            case SetCloseOnExec or SetNotCloseOnExec:
                process.Fds.SetCloseOnExec(fd, command == SetCloseOnExec);
                return 0L;
            case SetNonBlocking or SetAsync:
                Span<byte> value = stackalloc byte[IntBytes];
                if (!memory.TryRead(argument, value))
                {
                    return Fault("ioctl", argument);
                }

                // Neither kind of file sends signals, so FIOASYNC leaves no trace.
                if (command == SetNonBlocking)
                {
                    bool on = BinaryPrimitives.ReadInt32LittleEndian(value) != 0;
                    file.StatusFlags = on ? file.StatusFlags | OpenFlags.NonBlock : file.StatusFlags & ~OpenFlags.NonBlock;
                }

                return 0L;
            default:
                return null;
        }
    }

    private Result<long> BufferIoctl(GuestProcess process, int fd, DmaBuf buffer, uint command, ulong argument, IUserMemory memory) => command switch
    {
        Sync => SyncIoctl(process, fd, argument, memory),
        SetNameA or SetNameB => SetName(buffer, argument, memory),
        _ => NotACommand(command, buffer),
    };

    private Result<long> SyncIoctl(GuestProcess process, int fd, ulong argument, IUserMemory memory)
    {
        Span<byte> flags = stackalloc byte[sizeof(ulong)];
        if (!memory.TryRead(argument, flags))
        {
            return Fault("DMA_BUF_IOCTL_SYNC", argument);
        }

        Result<SyncOutcome> done = _guest.Importers.Sync(process, fd, BinaryPrimitives.ReadUInt64LittleEndian(flags));
        return done.Ok ? 0 : done.Failure;
    }

    // The string is read up to its end or up to the 32 bytes that a name may have; only what is read may fault (S-BUF-71).
    private static Result<long> SetName(DmaBuf buffer, ulong argument, IUserMemory memory)
    {
        Span<byte> name = stackalloc byte[DmaBuf.NameLimit];
        int length = 0;
        while (length < name.Length)
        {
            if (!memory.TryRead(argument + (ulong)length, name.Slice(length, 1)))
            {
                return Fault("DMA_BUF_SET_NAME", argument + (ulong)length);
            }

            if (name[length] == 0)
            {
                break;
            }

            length++;
        }

        return buffer.SetName(name[..length]) is { } failure ? failure : 0;
    }

    private static Failure NotACommand(uint command, GuestFile file) =>
        new(Errno.ENOTTY, "ioctl", "check command", $"0x{command:x8} is no command of a {file.Kind} (S-BUF-76).", "command");
}
