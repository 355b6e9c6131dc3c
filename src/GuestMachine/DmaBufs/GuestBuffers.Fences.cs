using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.DmaBufs;

/// <content>Fences of buffers: sync files out and in (S-BUF-72 to 75), and those that a process attaches as vgem does.</content>
public sealed partial class GuestBuffers
{
    private const uint AccessBits = 3;
    private const uint ReadBit = 1;
    private const uint WriteBit = 2;

    /// <summary>DMA_BUF_IOCTL_EXPORT_SYNC_FILE (S-BUF-73, 74).</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">fd of the buffer.</param>
    /// <param name="flags">READ 1: what a reader waits for; WRITE 2, RW 3: what a writer waits for.</param>
    /// <returns>EBADF; ENOTTY for a fd that is no dma-buf; EINVAL for flags; EMFILE; ENOMEM.</returns>
    public Result<int> ExportSyncFile(GuestProcess process, int fd, uint flags)
    {
        const string Operation = "DMA_BUF_IOCTL_EXPORT_SYNC_FILE";
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> buffer = FindFenced(process, fd, Operation, Errno.ENOTTY);
        if (!buffer.Ok)
        {
            return buffer.Failure;
        }

        if (CheckFlags(flags, Operation) is { } wrong)
        {
            return wrong;
        }

        // The fd comes first, the file after it (S-BUF-74, 88).
        if (GuestFiles.Reserve(process, Operation) is { } full)
        {
            return full;
        }

        if (_core.FaultPoints.Fails(FaultPoint.Failslab))
        {
            return NoMemory(Operation, "create sync file");
        }

        Fence[] pending = buffer.Value.Fences.PendingOf(Reservation.UsageFor((flags & WriteBit) != 0));
        return GuestFiles.InstallReserved(process, _fences.NewFile(pending), closeOnExec: true);
    }

    /// <summary>DMA_BUF_IOCTL_IMPORT_SYNC_FILE (S-BUF-73, 75).</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">fd of the buffer.</param>
    /// <param name="flags">READ 1: a read fence; WRITE 2, RW 3: a write fence.</param>
    /// <param name="syncFd">fd of the sync file.</param>
    /// <returns>EBADF for <paramref name="fd"/>; ENOTTY when it is no dma-buf; EINVAL for flags, then for a fd that is no sync
    /// file; ENOMEM.</returns>
    public Failure? ImportSyncFile(GuestProcess process, int fd, uint flags, int syncFd)
    {
        const string Operation = "DMA_BUF_IOCTL_IMPORT_SYNC_FILE";
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> buffer = FindFenced(process, fd, Operation, Errno.ENOTTY);
        if (!buffer.Ok)
        {
            return buffer.Failure;
        }

        if (CheckFlags(flags, Operation) is { } wrong)
        {
            return wrong;
        }

        if (process.Fds.Find(syncFd) is not SyncFile file)
        {
            return new Failure(Errno.EINVAL, Operation, "look up sync file",
                string.Create(CultureInfo.InvariantCulture, $"fd {syncFd} is no sync file (S-BUF-75)."), "sync_fd");
        }

        if (_core.FaultPoints.Fails(FaultPoint.Failslab))
        {
            return NoMemory(Operation, "reserve fences");
        }

        FenceUsage usage = (flags & WriteBit) != 0 ? FenceUsage.Write : FenceUsage.Read;
        Reservation fences = buffer.Value.Fences;
        fences.Reserve(file.Fences.Count);
        foreach (Fence fence in file.Fences)
        {
            fences.Add(fence, usage);
        }

        return null;
    }

    /// <summary>vgem: attaches a fence of the process to a buffer (flags: 1 = write). EINVAL, EBUSY.</summary>
    public Result<uint> AttachFence(GuestProcess process, int fd, uint flags)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> buffer = FindFenced(process, fd, "VGEM_FENCE_ATTACH", Errno.EINVAL);
        return buffer.Ok ? _fences.VgemFileOf(process).Attach(buffer.Value.Fences, flags) : buffer.Failure;
    }

    private static Failure NoMemory(string operation, string step) => new(Errno.ENOMEM, operation, step, "No memory (S-BUF-74, 75).");

    private static Failure? CheckFlags(uint flags, string operation) =>
        (flags & ~AccessBits) != 0 || flags == 0
            ? new Failure(Errno.EINVAL, operation, "check flags", flags == 0
                ? "flags ask for neither READ nor WRITE (S-BUF-73)."
                : $"flags 0x{flags:x} have bits outside READ {ReadBit} and WRITE {WriteBit} (S-BUF-73).", "flags")
            : null;

    // What is due by guest time has happened before anything else does.
    private Result<DmaBuf> FindFenced(GuestProcess process, int fd, string operation, Errno otherKind)
    {
        _fences.Deadlines.RunDue();
        return Find(process, fd, operation, otherKind);
    }
}
