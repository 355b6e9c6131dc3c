using System.Numerics;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Devices;

/// <content>Pools of small blocks over coherent memory (S-DMA-90 to 93).</content>
public sealed partial class GuestDmaApi
{
    // What the kernel keeps in a free block: a link and a DMA address.
    private const ulong SmallestBlock = 16;
    private const int PoolNameLimit = 31;

    /// <summary><c>dma_pool_create</c> (S-DMA-90).</summary>
    /// <param name="process">The driver.</param>
    /// <param name="device">Its device; empty: the built-in one.</param>
    /// <param name="name">For people; cut after 31 characters.</param>
    /// <param name="size">Bytes of a block.</param>
    /// <param name="align">A power of two; 0: 1.</param>
    /// <param name="boundary">A power of two that no block crosses, at least the size; 0: none.</param>
    /// <returns>The pool; ENOMEM where the kernel returns NULL, the field named; ENODEV.</returns>
    public Result<DmaPoolInfo> CreatePool(GuestProcess process, string device, string name, ulong size, ulong align, ulong boundary)
    {
        const string Operation = "dma_pool_create";
        using Lock.Scope held = _gate.Hold();
        Result<GuestDevice> found = Find(process, device, Operation);
        if (!found.Ok)
        {
            return found.Failure;
        }

        if (process.Dma.Pools.Count >= _core.Limits.AttachmentsPerProcess)
        {
            return new Failure(Errno.ENOMEM, Operation, "check limit",
                $"The process has {_core.Limits.AttachmentsPerProcess} pools already.");
        }

        ulong alignment = align == 0 ? 1 : align;
        if (!BitOperations.IsPow2(alignment) || alignment > int.MaxValue)
        {
            return NoPool("align", $"align {align} is no power of two that a block can have (S-DMA-90).");
        }

        if (size is 0 or > int.MaxValue)
        {
            return NoPool("size", $"size {size} is 0 or more than {int.MaxValue} (S-DMA-90).");
        }

        ulong block = (Math.Max(size, SmallestBlock) + alignment - 1) & ~(alignment - 1);
        ulong allocation = Math.Max(block, Page.Size);
        if (boundary != 0 && (boundary < block || !BitOperations.IsPow2(boundary)))
        {
            return NoPool("boundary", $"boundary {boundary} is no power of two from the block's {block} bytes on (S-DMA-90).");
        }

        ulong kept = boundary == 0 ? allocation : Math.Min(boundary, allocation);
        string cut = name.Length <= PoolNameLimit ? name : name[..PoolNameLimit];
        process.Dma.Pools.Add(++_lastId, new DmaPool(found.Value, cut, (uint)block, (uint)allocation, (uint)kept));
        return new DmaPoolInfo(_lastId, (uint)block, (uint)kept);
    }

    /// <summary><c>dma_pool_alloc</c> (S-DMA-91, 92): a block, from a new page when none is free. It is not cleared.</summary>
    /// <returns>The block; EINVAL for a pool that the process does not have; ENOMEM and others as <see cref="AllocAttrs"/>.</returns>
    public Result<DmaPoolBlock> AllocFromPool(
        GuestProcess process, ulong pool, DmaAllocationFlags flags = DmaAllocationFlags.None, uint cpu = 0)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaPool> found = FindPool(process, pool, "dma_pool_alloc");
        if (!found.Ok)
        {
            return found.Failure;
        }

        if (found.Value.IsEmpty)
        {
            Result<DmaAllocation> page = AllocAttrs(
                process, found.Value.Device.Name, found.Value.Allocation, flags, DmaAttributes.None, cpu);
            if (!page.Ok)
            {
                return page.Failure;
            }

            process.Dma.Allocations[page.Value.Id].Pool = pool;
            found.Value.Add(page.Value);
        }

        return found.Value.Take();
    }

    /// <summary><c>dma_pool_free</c> (S-DMA-92): the next allocation gets this block. Pages stay.</summary>
    /// <returns>EINVAL for a pool that the process does not have, or an address at which none of its blocks is in use.</returns>
    public Failure? FreeToPool(GuestProcess process, ulong pool, ulong dmaAddress)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaPool> found = FindPool(process, pool, "dma_pool_free");
        return !found.Ok ? found.Failure
            : found.Value.Give(dmaAddress) ? null
            : new Failure(Errno.EINVAL, "dma_pool_free", "look up block",
                $"Pool {found.Value.Name} has no block in use at 0x{dmaAddress:x}.", "dma_address");
    }

    /// <summary><c>dma_pool_destroy</c> (S-DMA-93): its pages are freed.</summary>
    /// <returns>EINVAL for a pool that the process does not have; EBUSY while blocks are in use or its pages are mapped.</returns>
    public Failure? DestroyPool(GuestProcess process, ulong pool)
    {
        const string Operation = "dma_pool_destroy";
        using Lock.Scope held = _gate.Hold();
        Result<DmaPool> found = FindPool(process, pool, Operation);
        if (!found.Ok)
        {
            return found.Failure;
        }

        DmaHolding[] pages = [.. found.Value.Pages.Select(id => process.Dma.Allocations[id])];
        if (found.Value.Active != 0 || pages.Any(p => p.Mappings != 0))
        {
            return new Failure(Errno.EBUSY, Operation, "check blocks",
                $"Pool {found.Value.Name} has {found.Value.Active} blocks in use, or pages that a program maps (S-DMA-93).", "pool");
        }

        process.Dma.Pools.Remove(pool);
        foreach (DmaHolding page in pages)
        {
            FreeNow(process, page);
        }

        return null;
    }

    private Result<DmaPool> FindPool(GuestProcess process, ulong pool, string operation) =>
        _gate.Begin(process) is { } dead ? dead
        : process.Dma.Pools.TryGetValue(pool, out DmaPool? found) ? found
        : new Failure(Errno.EINVAL, operation, "look up pool", $"This process has no pool {pool}.", "pool");

    private static Failure NoPool(string field, string sentence) => new(Errno.ENOMEM, "dma_pool_create", $"check {field}", sentence, field);
}
