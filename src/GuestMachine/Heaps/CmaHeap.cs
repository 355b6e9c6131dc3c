using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine.Heaps;

/// <summary>
/// A CMA heap: contiguous private memory from one area (S-CMA-02, 05, 08). All nodes of an area share it.
/// Models: allocation, clearing, release. Does not model: a fatal signal while it clears.
/// </summary>
internal sealed class CmaHeap(CmaArea area, GuestMemory memory, FaultBoard faults) : ContiguousHeap(area)
{
    /// <inheritdoc/>
    public override Result<Chunk[]> Allocate(ulong length, bool shared, MemoryCgroup? owner)
    {
        if (faults.Fails(FaultPoint.Failslab) || faults.Fails(FaultPoint.FailPageAlloc, length, 0) || Take(length) is not { } chunks)
        {
            return new Failure(Errno.ENOMEM, "DMA_HEAP_IOCTL_ALLOC", "cma_alloc",
                $"The area has no {length} contiguous bytes left.", "len");
        }

        foreach (Chunk chunk in chunks)
        {
            memory.Zero(chunk);
        }

        return chunks;
    }
}
