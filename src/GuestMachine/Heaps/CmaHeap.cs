using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Faults;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Heaps;

/// <summary>
/// The CMA heap: contiguous private memory from the area of <c>cma=</c> (S-CMA-02, 05, 08). All its nodes share the one area.
/// Models: allocation, clearing, release. Does not model: areas from a device tree.
/// </summary>
internal sealed class CmaHeap(CmaArea area, GuestMemory memory, FaultBoard faults)
{
    /// <summary>Allocates and clears whole pages.</summary>
    /// <returns>The range as pieces of the system heap's orders, in order; ENOMEM.</returns>
    public Result<Chunk[]> Allocate(ulong length)
    {
        ulong frames = length >> Page.Shift;
        if (faults.Fails(FaultPoint.Failslab) || faults.Fails(FaultPoint.FailPageAlloc, length, 0) || !area.TryAllocate(frames, out ulong first))
        {
            return new Failure(Errno.ENOMEM, "DMA_HEAP_IOCTL_ALLOC", "cma_alloc", $"The area has no {length} contiguous bytes left.", "len");
        }

        Chunk[] chunks = [.. Pieces(first, frames)];
        foreach (Chunk chunk in chunks)
        {
            memory.Zero(chunk);
        }

        return chunks;
    }

    /// <summary>Gives a range back.</summary>
    public void Free(ulong firstFrame, ulong length) => area.Free(firstFrame, length >> Page.Shift);

    // The orders that the map from frames to buffers knows. The range is aligned to its largest piece, so each piece is to its own size.
    private static IEnumerable<Chunk> Pieces(ulong first, ulong frames)
    {
        foreach (int order in SystemHeap.Orders)
        {
            for (; frames >> order != 0; frames -= 1UL << order)
            {
                yield return new Chunk(first, order);
                first += 1UL << order;
            }
        }
    }
}
