using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>
/// Zeroed pages for kernel objects that take memory page by page: shmem files, GEM objects.
/// Models: order-0 allocation with failure, 2 MiB pages for hugetlb files. Does not model: swap, reclaim.
/// </summary>
internal sealed class GuestPages(FrameZones frames, GuestMemory memory, FaultBoard faults)
{
    /// <summary>Takes one zeroed block; false: ENOMEM.</summary>
    public bool TryTake(int order, out Chunk chunk)
    {
        chunk = default;
        if (faults.Fails(FaultPoint.FailPageAlloc, Page.Size << order, order) || !frames.TryAllocate(order, out ulong frame))
        {
            return false;
        }

        chunk = new Chunk(frame, order);
        memory.Zero(chunk);
        return true;
    }

    /// <summary>Takes that many pages, or none: ENOMEM.</summary>
    /// <param name="count">Pages.</param>
    /// <param name="operation">For the failure.</param>
    public Result<Chunk[]> TakeAll(ulong count, string operation)
    {
        if (count > frames.FreeFrames)
        {
            return NoMemory(operation);
        }

        var chunks = new Chunk[count];
        for (ulong i = 0; i < count; i++)
        {
            if (!TryTake(0, out chunks[i]))
            {
                Free(chunks.AsSpan(0, (int)i));
                return NoMemory(operation);
            }
        }

        return chunks;
    }

    /// <summary>Gives blocks back.</summary>
    public void Free(ReadOnlySpan<Chunk> chunks)
    {
        foreach (Chunk chunk in chunks)
        {
            frames.Free(chunk.Frame, chunk.Order);
        }
    }

    private static Failure NoMemory(string operation) =>
        new(Errno.ENOMEM, operation, "allocate pages", "The guest has not enough free pages.");
}
