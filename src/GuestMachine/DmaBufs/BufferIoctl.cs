using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// One ioctl on a dma-buf: SYNC, SET_NAME, and the two of sync files (S-BUF-60, 70 to 76).
/// Models: the order of copies and checks. Does not model: what the operations do; the rooms have them.
/// </summary>
internal sealed class BufferIoctl(GuestBuffers room, DmaBuf buffer, IoctlCall call)
{
    private const uint Sync = 0x40086200;
    private const uint ExportSyncFile = 0xc0086202;
    private const uint ImportSyncFile = 0x40086203;
    private const uint SetNameA = 0x40046201;
    private const uint SetNameB = 0x40086201;
    private const int IntBytes = 4;

    /// <summary>Whether a command makes an fd, by its number: size and direction bits vary.</summary>
    public static bool MakesFd(uint command) => (command & IoctlCommand.KeyMask) == (ExportSyncFile & IoctlCommand.KeyMask);

    /// <summary>Where the argument has the fd of a sync file.</summary>
    public static uint? FdArgumentOf(uint command) =>
        (command & IoctlCommand.KeyMask) == (ImportSyncFile & IoctlCommand.KeyMask) ? IntBytes : null;

    /// <summary>Runs the command: null for one that is no dma-buf's.</summary>
    public Result<IoctlOutcome>? Run() => call.Command switch
    {
        Sync => RunSync(),
        SetNameA or SetNameB => SetName(),
        ExportSyncFile => ExportSync(),
        ImportSyncFile => ImportSync(),
        _ => default(Result<IoctlOutcome>?),
    };

    private Result<IoctlOutcome> RunSync()
    {
        Span<byte> flags = stackalloc byte[sizeof(ulong)];
        if (!call.Memory.TryRead(call.Argument, flags))
        {
            return GuestFiles.Fault("DMA_BUF_IOCTL_SYNC", call.Argument);
        }

        Result<SyncOutcome> done = room.Sync!(call.Process, call.Fd, BinaryPrimitives.ReadUInt64LittleEndian(flags));
        return done.Ok ? new IoctlOutcome(0, done.Value.Wait) : done.Failure;
    }

    // {u32 flags; s32 fd}: the new fd is copied back; if that faults it is closed again (S-BUF-74).
    private Result<IoctlOutcome> ExportSync()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        if (!call.Memory.TryRead(call.Argument, bytes))
        {
            return GuestFiles.Fault("DMA_BUF_IOCTL_EXPORT_SYNC_FILE", call.Argument);
        }

        Result<int> made = room.ExportSyncFile(call.Process, call.Fd, BinaryPrimitives.ReadUInt32LittleEndian(bytes));
        if (!made.Ok)
        {
            return made.Failure;
        }

        call.Note(made.Value, "DMA_BUF_IOCTL_EXPORT_SYNC_FILE");
        BinaryPrimitives.WriteInt32LittleEndian(bytes[IntBytes..], made.Value);
        if (call.Memory.TryWrite(call.Argument, bytes))
        {
            return default(IoctlOutcome);
        }

        call.TakeBack(made.Value);
        return GuestFiles.Fault("DMA_BUF_IOCTL_EXPORT_SYNC_FILE", call.Argument);
    }

    private Result<IoctlOutcome> ImportSync()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        if (!call.Memory.TryRead(call.Argument, bytes))
        {
            return GuestFiles.Fault("DMA_BUF_IOCTL_IMPORT_SYNC_FILE", call.Argument);
        }

        Failure? failure = room.ImportSyncFile(
            call.Process, call.Fd, BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[IntBytes..]));
        return failure is null ? default(IoctlOutcome) : failure;
    }

    // The string is read up to its end or up to the 32 bytes that a name may have; only what is read may fault (S-BUF-71).
    private Result<IoctlOutcome> SetName()
    {
        Span<byte> name = stackalloc byte[DmaBuf.NameLimit];
        int length = 0;
        while (length < name.Length)
        {
            if (!call.Memory.TryRead(call.Argument + (ulong)length, name.Slice(length, 1)))
            {
                return GuestFiles.Fault("DMA_BUF_SET_NAME", call.Argument + (ulong)length);
            }

            if (name[length] == 0)
            {
                break;
            }

            length++;
        }

        return buffer.SetName(name[..length]) is { } failure ? failure : default(IoctlOutcome);
    }
}
