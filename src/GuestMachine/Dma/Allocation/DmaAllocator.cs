using System.Numerics;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState;

namespace CocoGuest.Machine.Dma.Allocation;

/// <summary>
/// The memory behind <c>dma_alloc_attrs</c> and <c>dma_alloc_pages</c> of direct mapping.
/// Models: contiguous pages within the coherent mask with the retry in lower zones (S-DMA-63), decryption and its failures (S-DMA-60, 61,
/// 71), restricted pools (S-DMA-68), the pool for callers who may not sleep (S-DMA-60, 74). Does not model: memory from the cma area,
/// remapping for devices that are not coherent, an IOMMU (S-DMA-73).
/// </summary>
/// <remarks>
/// A block belongs to its caller until <see cref="Give"/>. A block whose conversion failed, either way, belongs to nobody any more: it is
/// leaked, counted and never handed out again (S-SETM-24). The atomic pool is made at the first request that needs it, not at boot, so that
/// guests without one keep their memory.
/// </remarks>
internal sealed class DmaAllocator(
    DmaMapper mapper, FrameZones frames, GuestMemory memory, IPageStateTracker pages, FaultBoard faults, IKernelLog log)
{
    /// <summary>Bytes of the atomic pool: 128 KiB, the kernel's smallest.</summary>
    public const ulong AtomicPoolBytes = 128UL << 10;

    // Where the zones end: none, below 4 GiB, below 16 MiB. An allocation starts at the first that its mask and flags allow (S-DMA-63).
    private static readonly ulong[] ZoneEnds = [ulong.MaxValue, 1UL << 32, 16UL << 20];

    private AtomicPool? _atomic;
    private bool _atomicTried;

    /// <summary>Bytes that a failing conversion lost.</summary>
    public ulong LeakedBytes { get; private set; }

    /// <summary>Takes zeroed memory for a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="bytes">Bytes, at least 1; rounded up to pages.</param>
    /// <param name="flags">Zone and sleeping.</param>
    /// <param name="asPages">For <c>dma_alloc_pages</c>: 7.3 logs a leak (S-DMA-71).</param>
    /// <param name="operation">For the failure.</param>
    /// <returns>The block; ENOMEM where the kernel returns NULL.</returns>
    public Result<DmaBlock> Take(DmaDevice device, ulong bytes, DmaAllocationFlags flags, bool asPages, string operation)
    {
        ulong size = Page.AlignUp(bytes);
        if (size == 0 || size > Page.Size << BuddyAllocator.MaxOrder)
        {
            return NoMemory(operation, "get_order", $"{bytes} bytes are more than the page allocator gives in one piece.");
        }

        return device.Pool is { Force: SwiotlbForce.Restricted } pool ? TakeFromRestricted(device, pool, size, operation)
            : device.ForceUnencrypted && flags.HasFlag(DmaAllocationFlags.Atomic) ? TakeFromAtomic(device, size, operation)
            : TakePages(device, size, flags, asPages, operation);
    }

    /// <summary>Gives a block back: re-encrypted, or leaked where that fails (S-DMA-71).</summary>
    public void Give(DmaDevice device, DmaBlock block)
    {
        switch (block.Source)
        {
            case DmaMemorySource.RestrictedPool:
                device.Pool!.Release(block.Phys);
                return;
            case DmaMemorySource.AtomicPool:
                _atomic!.Give(block.Phys, block.Range.Count);
                return;
        }

        if (block.Shared && pages.ConvertToPrivate(block.Range) is not null)
        {
            log.WarnRateLimited("dma_direct:encrypt", "leaking DMA memory that can't be re-encrypted");
            memory.KeepShared(block.Range);
            Leak(block.Bytes);
            return;
        }

        frames.Free(Page.FrameOf(block.Phys), OrderOf(block.Bytes));
    }

    /// <summary>A device's own reserved pool, below 4 GiB, turned shared (S-SWI-70, S-SWI-72).</summary>
    /// <param name="name">The pool's name.</param>
    /// <param name="bytes">Bytes, whole segments.</param>
    /// <returns>The pool; ENOMEM; in 7.3 the errno of the conversion, and the memory is lost.</returns>
    public Result<SwiotlbPool> TakeRestrictedPool(string name, ulong bytes)
    {
        if (!frames.TryAllocate(OrderOf(bytes), Page.FrameOf(ZoneEnds[1]), out ulong frame))
        {
            return NoMemory("bind restricted pool", "reserve", $"No {bytes} bytes in a row are free below 4 GiB.");
        }

        var block = new DmaBlock(Page.AddressOf(frame), bytes, DmaMemorySource.Pages, Shared: true);
        Errno conversion = pages.ConvertToShared(block.Range)?.Errno ?? Errno.None;
        Clear(block);
        Result<SwiotlbPool> pool = SwiotlbBoot.MakeRestricted(
            name, (uint)(bytes >> SwiotlbPool.SlotShift), mapper.Environment, block.Phys, conversion, memory, log);
        if (!pool.Ok)
        {
            Leak(bytes);
        }

        return pool;
    }

    /// <summary>Gives a restricted pool back; leaked if it cannot be turned private.</summary>
    public void GiveRestrictedPool(SwiotlbPool pool)
    {
        ulong bytes = pool.End - pool.Start;
        if (pages.ConvertToPrivate(new FrameRange(Page.FrameOf(pool.Start), bytes >> Page.Shift)) is null)
        {
            frames.Free(Page.FrameOf(pool.Start), OrderOf(bytes));
            return;
        }

        Leak(bytes);
    }

    private Result<DmaBlock> TakePages(DmaDevice device, ulong size, DmaAllocationFlags flags, bool asPages, string operation)
    {
        int order = OrderOf(size);
        if (faults.Fails(FaultPoint.FailPageAlloc, size, order) || !TryTakeReachable(device, size, order, flags, out ulong phys))
        {
            return NoMemory(operation, "alloc_pages", $"No {size} contiguous bytes below 0x{device.CoherentLimit:x} are free.");
        }

        var block = new DmaBlock(phys, size, DmaMemorySource.Pages, device.ForceUnencrypted);
        if (device.ForceUnencrypted && pages.ConvertToShared(block.Range) is { } failure)
        {
            if (asPages && device.Rules.MarksSharedAllocations)
            {
                log.WarnRateLimited("dma_direct:decrypt", "leaking DMA memory that can't be decrypted");
            }

            Leak(size);
            return NoMemory(operation, "set_memory_decrypted", $"{failure.Sentence} The {size} bytes are lost.");
        }

        Clear(block);
        return block;
    }

    // S-DMA-68: only a pool of the kind that the device needs, aligned to the order of the request.
    private Result<DmaBlock> TakeFromRestricted(DmaDevice device, SwiotlbPool pool, ulong size, string operation)
    {
        if (device.Rules.MarksSharedAllocations && pool.Shared != device.ForceUnencrypted)
        {
            return NoMemory(operation, "swiotlb_alloc", $"The restricted pool {pool.Name} is not of the kind that the device needs.");
        }

        ulong phys = pool.AllocateMemory(size, (Page.Size << OrderOf(size)) - 1, device.Cpu);
        if (phys == SwiotlbPool.NoAddress)
        {
            return NoMemory(operation, "swiotlb_alloc", $"The restricted pool {pool.Name} has no {size} bytes in a row.");
        }

        if (!mapper.ReachesCoherent(device, phys, size))
        {
            pool.Release(phys);
            return NoMemory(operation, "dma_coherent_ok", $"The device does not reach its restricted pool at 0x{phys:x}.");
        }

        var block = new DmaBlock(phys, size, DmaMemorySource.RestrictedPool, pool.Shared);
        Clear(block);
        return block;
    }

    private Result<DmaBlock> TakeFromAtomic(DmaDevice device, ulong size, string operation)
    {
        if (FindAtomicPool(device) is not { } pool || !pool.TryTake(size >> Page.Shift, out ulong phys))
        {
            return NoMemory(operation, "dma_alloc_from_pool", $"The pool for callers who may not sleep has no {size} bytes.");
        }

        if (!mapper.ReachesCoherent(device, phys, size))
        {
            pool.Give(phys, size >> Page.Shift);
            return NoMemory(operation, "dma_coherent_ok", $"The device does not reach the atomic pool at 0x{phys:x}.");
        }

        var block = new DmaBlock(phys, size, DmaMemorySource.AtomicPool, pool.Shared);
        Clear(block);
        return block;
    }

    private AtomicPool? FindAtomicPool(DmaDevice device)
    {
        if (!_atomicTried)
        {
            _atomicTried = true;
            _atomic = MakeAtomicPool(device.Rules);
        }

        return _atomic;
    }

    // S-DMA-74: 7.3 leaks what it cannot decrypt and has no pool; up to 7.2 the same pages are lost, too.
    private AtomicPool? MakeAtomicPool(DmaKernelRules rules)
    {
        int order = OrderOf(AtomicPoolBytes);
        ulong phys = 0;
        bool taken = frames.TryAllocate(order, Page.FrameOf(ZoneEnds[1]), out ulong frame);
        if (taken)
        {
            phys = Page.AddressOf(frame);
            if (pages.ConvertToShared(new FrameRange(frame, AtomicPoolBytes >> Page.Shift)) is null)
            {
                return new AtomicPool(
                    phys, (int)(AtomicPoolBytes >> Page.Shift), mapper.Environment.MemEncrypt || !rules.MarksSharedAllocations);
            }

            Leak(AtomicPoolBytes);
        }

        log.Warn($"DMA: failed to allocate {AtomicPoolBytes >> 10} KiB GFP_KERNEL pool for atomic allocation");
        return null;
    }

    private bool TryTakeReachable(DmaDevice device, ulong size, int order, DmaAllocationFlags flags, out ulong phys)
    {
        foreach (ulong end in ZoneEnds)
        {
            // A zone that the flags or the mask exclude from the start; the mask's zone is a guess that the check below may correct.
            bool excluded = (flags.HasFlag(DmaAllocationFlags.Dma) && end > ZoneEnds[2])
                || (flags.HasFlag(DmaAllocationFlags.Dma32) && end > ZoneEnds[1])
                || (device.CoherentLimit < ZoneEnds[1] && end > ZoneEnds[1]);
            if (!excluded && frames.TryAllocate(order, Page.FrameOf(end), out ulong frame))
            {
                phys = Page.AddressOf(frame);
                if (mapper.ReachesCoherent(device, phys, size))
                {
                    return true;
                }

                frames.Free(frame, order);
            }
        }

        phys = 0;
        return false;
    }

    private void Clear(DmaBlock block)
    {
        foreach (Chunk piece in FramePieces.Of(block.Range))
        {
            memory.Zero(piece);
        }

        if (block.Shared)
        {
            memory.ShareInPlace(block.Range);
        }
    }

    private void Leak(ulong bytes) => LeakedBytes += Page.Size << OrderOf(bytes);

    private static int OrderOf(ulong bytes) => BitOperations.Log2(BitOperations.RoundUpToPowerOf2(bytes >> Page.Shift));

    private static Failure NoMemory(string operation, string step, string sentence) => new(Errno.ENOMEM, operation, step, sentence, "size");
}
