using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Rdma;

/// <content>What registration refuses, in the kernel's order.</content>
public sealed partial class GuestRdma
{
    // S-PIN-20, in its order.
    private static Failure? CheckUserMemory(GuestProcess process, RdmaDevice device, ulong address, ulong length)
    {
        const string Operation = "ib_umem_get";
        ulong end = address + length;
        if (device.NeedsBounce)
        {
            return Wrong(Errno.EOPNOTSUPP, Operation, "pd",
                $"{device.Name} cannot reach private memory: register a shared dma-buf (S-PIN-20, S-RDMA-16).");
        }

        if (end < address || Page.AlignUp(end) < end)
        {
            return Wrong(Errno.EINVAL, Operation, "length", $"0x{address:x} plus {length} wraps (S-PIN-20).");
        }

        if (!process.Limits.MayLock && process.Limits.LockedBytes == 0)
        {
            return Wrong(Errno.EPERM, Operation, "process", "The process may not lock memory (S-PIN-20).");
        }

        ulong bytes = Page.AlignUp(end) - (address & ~Page.OffsetMask);
        return length == 0 ? Wrong(Errno.EINVAL, Operation, "length", "length is 0 (S-PIN-20).")
            : !process.Limits.MayLock && process.PinnedBytes + bytes > process.Limits.LockedBytes
                ? Wrong(Errno.ENOMEM, Operation, "length", $"{bytes} bytes more than RLIMIT_MEMLOCK lets the process pin (S-PIN-20).")
            : null;
    }

    private Result<Domain> FindPd(GuestProcess process, uint pd, string operation) =>
        _gate.Begin(process) is { } dead ? dead
        : _domains.TryGetValue(pd, out Domain? domain) && ReferenceEquals(domain.Owner, process) ? domain
        : Wrong(Errno.EINVAL, operation, "pd", $"This process has no protection domain {pd}.");

    private static Failure? CheckOffsets(ulong start, ulong iova, string operation) =>
        ((start ^ iova) & Page.OffsetMask) == 0
            ? null
            : Wrong(Errno.EINVAL, operation, "iova", $"0x{iova:x} and 0x{start:x} differ below the page size (S-RDMA-01, 05).");

    private static Failure? CheckDmaBufAccess(RdmaAccess access) =>
        (access & ~ForDmaBuf) != 0
            ? Wrong(Errno.EINVAL, "reg_dmabuf_mr", "access",
                $"access 0x{(uint)access:x} has bits that dma-buf regions do not take (S-RDMA-03).")
            : CheckAccess(access, "reg_dmabuf_mr");

    // S-RDMA-04, in its order; these devices have neither on-demand paging nor flushes.
    private static Failure? CheckAccess(RdmaAccess access, string operation) =>
        (access & (RdmaAccess.RemoteWrite | RdmaAccess.RemoteAtomic)) != 0 && (access & RdmaAccess.LocalWrite) == 0
            ? Wrong(Errno.EINVAL, operation, "access", "Remote writes and atomics need LOCAL_WRITE (S-RDMA-04).")
        : (access & ~Known) != 0
            ? Wrong(Errno.EINVAL, operation, "access", $"access 0x{(uint)access:x} has unknown bits (S-RDMA-04).")
        : (access & (RdmaAccess.OnDemand | RdmaAccess.FlushGlobal | RdmaAccess.FlushPersistent)) != 0
            ? Wrong(Errno.EOPNOTSUPP, operation, "access", "The device has neither on-demand paging nor flushes (S-RDMA-04).")
        : null;

    private Failure? CheckRoom(string operation) =>
        _regions.Count >= _core.Limits.RdmaObjects ? Full(operation, _core.Limits.RdmaObjects) : null;

    private static Failure Full(string operation, int limit) =>
        new(Errno.ENOMEM, operation, "check limit", $"The guest has {limit} of them already, and its devices have no more.");

    private static Failure Wrong(Errno errno, string operation, string field, string sentence) =>
        new(errno, operation, $"check {field}", sentence, field);
}
