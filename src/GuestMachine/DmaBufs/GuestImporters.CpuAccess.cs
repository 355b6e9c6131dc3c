using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.DmaBufs;

/// <content>CPU access: DMA_BUF_IOCTL_SYNC, begin and end by importers in the kernel, accesses through kernel mappings.</content>
public sealed partial class GuestImporters
{
    private const ulong SyncRead = 1;
    private const ulong SyncWrite = 2;
    private const ulong SyncEnd = 4;

    /// <summary>DMA_BUF_IOCTL_SYNC (S-BUF-60 to 65): syncs every mapped attachment of the buffer, newest first (S-SYS-44, 45).</summary>
    /// <returns>EBADF; EINVAL for unknown bits or neither READ nor WRITE.</returns>
    public Result<SyncOutcome> Sync(GuestProcess process, int fd, ulong flags)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> found = _buffers.Find(process, fd, "DMA_BUF_IOCTL_SYNC");
        if (!found.Ok)
        {
            return found.Failure;
        }

        ulong access = flags & (SyncRead | SyncWrite);
        if ((flags & ~(SyncRead | SyncWrite | SyncEnd)) != 0 || access == 0)
        {
            return new Failure(Errno.EINVAL, "DMA_BUF_IOCTL_SYNC", "check flags", access == 0
                ? $"flags 0x{flags:x} ask for neither READ nor WRITE (S-BUF-62)."
                : $"flags 0x{flags:x} have bits outside READ, WRITE and END (S-BUF-61).", "flags");
        }

        bool end = (flags & SyncEnd) != 0;
        Result<SyncOutcome> outcome = SyncAll(found.Value, DirectionOf(access), end);

        // S-BUF-63, 68: the exporter's part comes first, then the wait; END waits for nothing.
        return end || !outcome.Ok ? outcome : outcome.Value with
        {
            Wait = _fences.Waits.ForAll(process, "DMA_BUF_IOCTL_SYNC",
                found.Value.Fences.PendingOf(Reservation.UsageFor((access & SyncWrite) != 0)), GuestFences.LongestWait),
        };
    }

    /// <summary>dma_buf_begin_cpu_access by an importer in the kernel: the exporter's op, without the ioctl's checks (S-SYS-44).</summary>
    public Result<SyncOutcome> BeginCpuAccess(GuestProcess process, int fd, DmaDirection direction) =>
        KernelCpuAccess(process, fd, direction, toDevice: false, "dma_buf_begin_cpu_access");

    /// <summary>dma_buf_end_cpu_access by an importer in the kernel (S-SYS-45).</summary>
    public Result<SyncOutcome> EndCpuAccess(GuestProcess process, int fd, DmaDirection direction) =>
        KernelCpuAccess(process, fd, direction, toDevice: true, "dma_buf_end_cpu_access");

    /// <summary>dma_buf_vmap, a read through the kernel mapping, dma_buf_vunmap (S-BUF-80, S-SYS-50).</summary>
    /// <returns>EINVAL for an exporter without vmap or a range behind the buffer; EFAULT where the view faults.</returns>
    public Failure? VmapRead(GuestProcess process, int fd, ulong offset, Span<byte> target)
    {
        using Lock.Scope held = _gate.Hold();
        using var plan = new AccessPlan();
        if (PlanVmap(process, fd, offset, (ulong)target.Length, write: false, plan) is { } failure)
        {
            return failure;
        }

        plan.Read(target);
        return null;
    }

    /// <summary>dma_buf_vmap, a write through the kernel mapping, dma_buf_vunmap (S-BUF-80, S-SYS-50).</summary>
    /// <returns>As <see cref="VmapRead"/>.</returns>
    public Failure? VmapWrite(GuestProcess process, int fd, ulong offset, ReadOnlySpan<byte> source)
    {
        using Lock.Scope held = _gate.Hold();
        using var plan = new AccessPlan();
        if (PlanVmap(process, fd, offset, (ulong)source.Length, write: true, plan) is { } failure)
        {
            return failure;
        }

        plan.Write(source);
        return null;
    }

    private static DmaDirection DirectionOf(ulong access) => access switch
    {
        SyncRead => DmaDirection.FromDevice,
        SyncWrite => DmaDirection.ToDevice,
        _ => DmaDirection.Bidirectional,
    };

    private Result<SyncOutcome> KernelCpuAccess(GuestProcess process, int fd, DmaDirection direction, bool toDevice, string operation)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> found = _buffers.Find(process, fd, operation);
        return found.Ok ? SyncAll(found.Value, direction, toDevice) : found.Failure;
    }

    private Failure? PlanVmap(GuestProcess process, int fd, ulong offset, ulong length, bool write, AccessPlan plan)
    {
        Result<DmaBuf> found = _buffers.Find(process, fd, "dma_buf_vmap");
        if (!found.Ok)
        {
            return found.Failure;
        }

        DmaBuf buffer = found.Value;
        if (!buffer.Exporter.Traits.Vmap)
        {
            return new Failure(Errno.EINVAL, "dma_buf_vmap", "check exporter", $"{buffer.Exporter.Name} has no vmap (S-BUF-80).", "fd");
        }

        ViewAccessor accessor = buffer.Shared ? ViewAccessor.GuestSharedMapping : ViewAccessor.GuestPrivateMapping;
        return GuestLimits.CheckAccessLength("dma_buf_vmap", length)
            ?? (offset > buffer.Size || length > buffer.Size - offset
                ? new Failure(Errno.EINVAL, "dma_buf_vmap", "check range",
                    $"{offset} + {length} ends behind the buffer of {buffer.Size} bytes.", "offset")
                : _core.Access.Plan(plan, accessor, buffer.Chunks, offset, length, write, "dma_buf_vmap"));
    }

    private Result<SyncOutcome> SyncAll(DmaBuf buffer, DmaDirection direction, bool toDevice)
    {
        ulong before = _core.Memory.BouncedBytes;
        Failure? failure = toDevice
            ? buffer.Exporter.EndCpuAccess(buffer, _core.Dma, direction)
            : buffer.Exporter.BeginCpuAccess(buffer, _core.Dma, direction);
        ulong moved = _core.Memory.BouncedBytes - before;
        return failure is not null ? failure
            : toDevice ? new SyncOutcome(0, moved)
            : new SyncOutcome(moved, 0);
    }
}
