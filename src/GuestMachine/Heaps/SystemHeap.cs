using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Heaps;

/// <summary>
/// The system heap: chunks of order 8, 4 and 0 from the page allocator, converted to shared for a shared buffer, and back at release.
/// Models: the allocation loop (S-SYS-01 to 07), conversion chunk by chunk, clean-up and leaks (S-SYS-20 to 29), fragmentation by policy
/// (S-UNV-55), charging to a memory cgroup (S-SYS-09). Does not model: reclaim, fatal signals that come from outside.
/// </summary>
/// <remarks>
/// Conversion happens before the buffer exists for anybody (S-SYS-22), so a failure needs no revocation. Clean-up asks for re-encryption of
/// <i>all</i> chunks, converted or not (S-SYS-23): what that does to untouched ones is the platform's business (S-SYS-24). A chunk whose
/// re-encryption fails is leaked: it stays allocated and shared for the life of the guest (S-SYS-29).
/// </remarks>
internal sealed class SystemHeap(FrameZones frames, IPageStateTracker pages, GuestMemory memory, FragmentationPolicy fragmentation,
    IKernelLog log, FaultBoard faults) : Heap
{
    private static readonly int[] Orders = [8, 4, 0];
    private readonly List<Chunk> _scratch = [];
    private ulong _order8Requests;
    private ulong _order4Requests;

    /// <summary>Chunks that could not be re-encrypted and stay allocated.</summary>
    public ulong LeakedChunks { get; private set; }

    /// <summary>Their bytes.</summary>
    public ulong LeakedBytes { get; private set; }

    /// <summary>True after an <see cref="Allocate"/> that found no page left at all, rather than met a fault or a limit.</summary>
    public bool RanOut { get; private set; }

    /// <summary>
    /// Takes zeroed chunks for a length in whole pages and converts them if asked to. ENOMEM, or what the conversion returns.
    /// </summary>
    public override Result<Chunk[]> Allocate(ulong length, bool shared, MemoryCgroup? owner)
    {
        RanOut = false;
        if (faults.Fails(FaultPoint.Failslab) || !TakeChunks(length, owner))
        {
            return new Failure(Errno.ENOMEM, "DMA_HEAP_IOCTL_ALLOC", "allocate pages",
                $"{length} bytes were asked for; the guest has {frames.FreeFrames * Page.Size} bytes free.", "len");
        }

        Chunk[] chunks = [.. _scratch];
        if (faults.Fails(FaultPoint.Failslab))
        {
            // S-SYS-06: no scatter table; nothing was converted yet.
            Free(chunks, length, shared: false, owner);
            return new Failure(Errno.ENOMEM, "DMA_HEAP_IOCTL_ALLOC", "allocate sg_table", "No memory for the scatter table.");
        }

        foreach (Chunk chunk in chunks)
        {
            memory.Zero(chunk);
        }

        return shared && ConvertAll(chunks, owner) is { } failure ? failure : chunks;
    }

    /// <summary>Release of a buffer: re-encrypts shared chunks, leaks those where that fails, frees the others (S-SYS-26).</summary>
    public override void Free(ReadOnlySpan<Chunk> chunks, ulong length, bool shared, MemoryCgroup? owner)
    {
        foreach (Chunk chunk in chunks)
        {
            if (shared && pages.ConvertToPrivate(chunk.Range) is not null)
            {
                Leak(chunk);
                continue;
            }

            Return(chunk, owner);
        }
    }

    // S-SYS-02, 03: the order only ever falls within one buffer.
    private bool TakeChunks(ulong length, MemoryCgroup? owner)
    {
        _scratch.Clear();
        ulong remaining = length;
        int limit = Orders[0];
        while (remaining > 0)
        {
            if (!TryTake(remaining, limit, owner, out Chunk chunk))
            {
                RanOut = frames.FreeFrames == 0;
                foreach (Chunk taken in _scratch)
                {
                    Return(taken, owner);
                }

                return false;
            }

            _scratch.Add(chunk);
            remaining -= chunk.Bytes;
            limit = chunk.Order;
        }

        return true;
    }

    private void Return(Chunk chunk, MemoryCgroup? owner)
    {
        frames.Free(chunk.Frame, chunk.Order);
        owner?.Uncharge(chunk.Bytes);
    }

    // A refused charge counts as a failed allocation (S-SYS-09).
    private bool TryTake(ulong remaining, int limit, MemoryCgroup? owner, out Chunk chunk)
    {
        foreach (int order in Orders)
        {
            if (order <= limit && Page.Size << order <= remaining && !FailsByPolicy(order)
                && !faults.Fails(FaultPoint.FailPageAlloc, Page.Size << order, order) && frames.TryAllocate(order, out ulong frame))
            {
                chunk = new Chunk(frame, order);
                if (owner?.TryCharge(chunk.Bytes) == false)
                {
                    frames.Free(frame, order);
                    continue;
                }

                return true;
            }
        }

        chunk = default;
        return false;
    }

    private bool FailsByPolicy(int order) => order switch
    {
        8 => Reached(++_order8Requests, fragmentation.Order8FailsFrom),
        4 => Reached(++_order4Requests, fragmentation.Order4FailsFrom),
        _ => false,
    };

    private static bool Reached(ulong request, ulong failsFrom) => failsFrom != 0 && request >= failsFrom;

    private Failure? ConvertAll(Chunk[] chunks, MemoryCgroup? owner)
    {
        foreach (Chunk chunk in chunks)
        {
            if (pages.ConvertToShared(chunk.Range) is { } failure)
            {
                log.WarnRateLimited("system_heap_decrypt", $"dma-buf system heap: failed to decrypt page at 0x{chunk.Address:x}");
                Free(chunks, 0, shared: true, owner);
                return failure;
            }
        }

        return null;
    }

    private void Leak(Chunk chunk)
    {
        log.WarnRateLimited("system_heap_encrypt",
            $"dma-buf system heap: failed to re-encrypt page at 0x{chunk.Address:x}, leaking memory");
        memory.KeepShared(chunk.Range);
        LeakedChunks++;
        LeakedBytes += chunk.Bytes;
    }
}
