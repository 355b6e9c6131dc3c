using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Heaps;

/// <summary>
/// A protected heap: memory of a TEE driver that the CPU may not touch (S-TEE-01 to 09).
/// Models: a static pool, exhaustion, a TEE device that went. Does not model: who protects the memory, dynamic pools.
/// </summary>
internal sealed class TeeHeap(CmaArea area, FaultBoard faults) : ContiguousHeap(area)
{
    /// <summary>False once the TEE device went; the node stays (S-TEE-09).</summary>
    public bool HasDevice { get; set; } = true;

    /// <inheritdoc/>
    public override Result<Chunk[]> Allocate(ulong length, bool shared, MemoryCgroup? owner)
    {
        if (!HasDevice)
        {
            return new Failure(Errno.EINVAL, "DMA_HEAP_IOCTL_ALLOC", "tee_heap: find device",
                "The TEE device behind the heap is gone (S-TEE-05).", "heap");
        }

        return !faults.Fails(FaultPoint.Failslab) && Take(length) is { } chunks
            ? chunks
            : new Failure(Errno.ENOMEM, "DMA_HEAP_IOCTL_ALLOC", "tee_heap: take from pool", $"The pool has no {length} bytes left.", "len");
    }
}
