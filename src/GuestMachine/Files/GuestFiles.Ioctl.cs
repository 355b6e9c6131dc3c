using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Heaps;

namespace CocoGuest.Machine.Files;

/// <summary>
/// Raw ioctls of every kind of file: first those that the VFS serves, then the file's own (S-HEAP-20, S-BUF-60, 70, 72, 76, S-GPU-20).
/// </summary>
public sealed partial class GuestFiles
{
    private const uint Sync = 0x40086200;
    private const uint ExportSyncFile = 0xc0086202;
    private const uint ImportSyncFile = 0x40086203;
    private const uint SetNameA = 0x40046201;
    private const uint SetNameB = 0x40086201;
    private const int IntBytes = 4;

    /// <summary>ioctl with a raw command and the address of its argument.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">The fd.</param>
    /// <param name="command">The command.</param>
    /// <param name="argument">Its argument: an address, mostly.</param>
    /// <param name="memory">Where addresses lead.</param>
    /// <returns>0, perhaps with a wait; EBADF, EFAULT, ENOTTY, EINVAL and what the operation returns.</returns>
    public Result<IoctlOutcome> Ioctl(GuestProcess process, int fd, uint command, ulong argument, IUserMemory memory)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> found = FindOpen(process, fd, "ioctl");
        return !found.Ok ? found.Failure
            : VfsIoctl.Run(process, fd, found.Value, command, argument, memory)
                ?? found.Value switch
                {
                    DmaBuf buffer => BufferIoctl(process, fd, buffer, command, argument, memory),
                    HeapDeviceFile heap => Done(new HeapIoctl(_guest, process, heap.Node, memory).Run(new IoctlCommand(command), argument)),
                    DrmFile client => new DrmIoctl(_core, _guest, process, fd, client, memory).Run(new IoctlCommand(command), argument),
                    SyncFile file => new SyncFileIoctl(_guest, process, file, memory).Run(command, argument),
                    FenceTimeline timeline => new TimelineIoctl(_guest, process, fd, timeline, memory).Run(command, argument),
                    UdmabufNode => Done(new UdmabufIoctl(_guest.Udmabufs, process, memory).Run(command, argument)),
                    _ => NotACommand(command, found.Value),
                };
    }

    private Result<IoctlOutcome> BufferIoctl(GuestProcess process, int fd, DmaBuf buffer, uint command, ulong argument, IUserMemory memory) => command switch
    {
        Sync => SyncIoctl(process, fd, argument, memory),
        SetNameA or SetNameB => SetName(buffer, argument, memory),
        ExportSyncFile => ExportSync(process, fd, argument, memory),
        ImportSyncFile => ImportSync(process, fd, argument, memory),
        _ => NotACommand(command, buffer),
    };

    private Result<IoctlOutcome> SyncIoctl(GuestProcess process, int fd, ulong argument, IUserMemory memory)
    {
        Span<byte> flags = stackalloc byte[sizeof(ulong)];
        if (!memory.TryRead(argument, flags))
        {
            return Fault("DMA_BUF_IOCTL_SYNC", argument);
        }

        Result<SyncOutcome> done = _guest.Importers.Sync(process, fd, BinaryPrimitives.ReadUInt64LittleEndian(flags));
        return done.Ok ? new IoctlOutcome(0, done.Value.Wait) : done.Failure;
    }

    // {u32 flags; s32 fd}: the new fd is copied back; if that faults it is closed again (S-BUF-74).
    private Result<IoctlOutcome> ExportSync(GuestProcess process, int fd, ulong argument, IUserMemory memory)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        if (!memory.TryRead(argument, bytes))
        {
            return Fault("DMA_BUF_IOCTL_EXPORT_SYNC_FILE", argument);
        }

        Result<int> made = _guest.Fences.ExportSyncFile(process, fd, BinaryPrimitives.ReadUInt32LittleEndian(bytes));
        if (!made.Ok)
        {
            return made.Failure;
        }

        BinaryPrimitives.WriteInt32LittleEndian(bytes[IntBytes..], made.Value);
        if (memory.TryWrite(argument, bytes))
        {
            return default(IoctlOutcome);
        }

        Put(process.Fds.Remove(made.Value)!);
        return Fault("DMA_BUF_IOCTL_EXPORT_SYNC_FILE", argument);
    }

    private Result<IoctlOutcome> ImportSync(GuestProcess process, int fd, ulong argument, IUserMemory memory)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        if (!memory.TryRead(argument, bytes))
        {
            return Fault("DMA_BUF_IOCTL_IMPORT_SYNC_FILE", argument);
        }

        Failure? failure = _guest.Fences.ImportSyncFile(
            process, fd, BinaryPrimitives.ReadUInt32LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes[IntBytes..]));
        return failure is null ? default(IoctlOutcome) : failure;
    }

    // The string is read up to its end or up to the 32 bytes that a name may have; only what is read may fault (S-BUF-71).
    private static Result<IoctlOutcome> SetName(DmaBuf buffer, ulong argument, IUserMemory memory)
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

        return buffer.SetName(name[..length]) is { } failure ? failure : default(IoctlOutcome);
    }

    private static Result<IoctlOutcome> Done(Result<BufferHandle> made) => made.Ok ? new IoctlOutcome(made.Value.Fd) : made.Failure;

    private static Result<IoctlOutcome> Done(Result<long> result) => result.Ok ? new IoctlOutcome(result.Value) : result.Failure;

    internal static Failure NotACommand(uint command, GuestFile file) =>
        new(Errno.ENOTTY, "ioctl", "check command", $"0x{command:x8} is no command of a {file.Kind} (S-BUF-76, 87).", "command");
}
