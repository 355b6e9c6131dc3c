using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Devices;

/// <content>Allocations: coherent memory, pages, non-contiguous memory; access, mmap and free.</content>
public sealed partial class GuestDmaApi
{
    // S-DMA-01: bits 1, 2 and 4 to 13; bit 14 is refused by the calls themselves.
    private const int Known = 0x7ff6;
    private const DmaAllocationFlags Zones = DmaAllocationFlags.Dma | DmaAllocationFlags.Dma32 | DmaAllocationFlags.HighMem;

    /// <summary><c>dma_alloc_coherent</c>: <see cref="AllocAttrs"/> without attributes.</summary>
    /// <returns>As there.</returns>
    public Result<DmaAllocation> AllocCoherent(
        GuestProcess process, string device, ulong size, DmaAllocationFlags flags = DmaAllocationFlags.None, uint cpu = 0) =>
        AllocAttrs(process, device, size, flags, DmaAttributes.None, cpu);

    /// <summary>
    /// <c>dma_alloc_attrs</c> (S-DMA-60 to 64, 68, 71, 72): zeroed memory that the device reaches; shared in a guest whose devices need it.
    /// </summary>
    /// <param name="process">The driver.</param>
    /// <param name="device">Its device; empty: the built-in one.</param>
    /// <param name="size">Bytes, at least 1.</param>
    /// <param name="flags">Zone bits have no effect: the mask decides. A compound page is refused untraced.</param>
    /// <param name="attributes">Attributes; 7.3 refuses CC_SHARED and ALLOC_CC_SHARED.</param>
    /// <param name="cpu">CPU that allocates (S-SWI-26).</param>
    /// <returns>The memory; ENOMEM where the kernel returns NULL; ENODEV; EINVAL.</returns>
    public Result<DmaAllocation> AllocAttrs(
        GuestProcess process, string device, ulong size, DmaAllocationFlags flags = DmaAllocationFlags.None,
        DmaAttributes attributes = DmaAttributes.None, uint cpu = 0)
    {
        const string Operation = "dma_alloc_attrs";
        using Lock.Scope held = _gate.Hold();
        Result<GuestDevice> found = PrepareAllocation(process, device, size, flags, attributes, cpu, Operation);
        if (!found.Ok)
        {
            return found.Failure;
        }

        DmaDevice dma = found.Value.Dma;
        if (flags.HasFlag(DmaAllocationFlags.Compound))
        {
            return Refuse(dma, Operation, "a compound page was asked for", "flags");
        }

        DmaAttributes traced = attributes;
        Result<DmaBlock> block;
        if (dma.Rules.MarksSharedAllocations && (attributes & (DmaAttributes.CcShared | DmaAttributes.AllocCcShared)) != 0)
        {
            block = new Failure(Errno.ENOMEM, Operation, "check attributes",
                "A caller may not ask for shared memory: the device decides (S-DMA-64).", "attrs");
        }
        else
        {
            bool marks = dma.Rules.MarksSharedAllocations && dma.ForceUnencrypted;
            traced |= marks ? DmaAttributes.AllocCcShared : DmaAttributes.None;
            block = _allocator.Take(dma, size, flags & ~Zones, asPages: false, Operation);
        }

        return Finish(
            process, found.Value, block, DmaAllocationKind.Alloc, size, DmaDirection.Bidirectional, flags & ~Zones, attributes, traced);
    }

    /// <summary><c>dma_alloc_pages</c> (S-DMA-66): pages for the device, shared like those of <see cref="AllocAttrs"/>.</summary>
    /// <returns>The memory; ENOMEM where the kernel returns NULL, also for zone and compound flags; ENODEV; EINVAL.</returns>
    public Result<DmaAllocation> AllocPages(
        GuestProcess process, string device, ulong size, DmaDirection direction,
        DmaAllocationFlags flags = DmaAllocationFlags.None, uint cpu = 0) =>
        AllocateAsPages(process, device, size, direction, flags, DmaAttributes.None, cpu, DmaAllocationKind.AllocPages, "dma_alloc_pages");

    /// <summary><c>dma_alloc_noncontiguous</c>: a table of one entry (S-DMA-69).</summary>
    /// <returns>As <see cref="AllocPages"/>; other attributes than ALLOC_SINGLE_PAGES give ENOMEM with a warning.</returns>
    public Result<DmaAllocation> AllocNoncontiguous(
        GuestProcess process, string device, ulong size, DmaDirection direction, DmaAllocationFlags flags = DmaAllocationFlags.None,
        DmaAttributes attributes = DmaAttributes.None, uint cpu = 0) =>
        AllocateAsPages(process, device, size, direction, flags, attributes, cpu, DmaAllocationKind.AllocSgt, "dma_alloc_noncontiguous");

    /// <summary>
    /// <c>dma_free_attrs</c>, <c>dma_free_pages</c>, <c>dma_free_noncontiguous</c>: re-encrypts, or leaks where that fails (S-DMA-71).
    /// </summary>
    /// <returns>
    /// EINVAL for an allocation that the process does not have; EBUSY while it is mapped by a program, and for the page of a pool.
    /// </returns>
    public Failure? Free(GuestProcess process, ulong id)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaHolding> found = FindAllocation(process, id, "dma_free");
        if (!found.Ok)
        {
            return found.Failure;
        }

        if (found.Value.Pool is { } pool)
        {
            return new Failure(Errno.EBUSY, "dma_free", "check pool",
                $"Allocation {id} is a page of pool {pool} and goes with it.", "allocation");
        }

        if (found.Value.Mappings != 0)
        {
            return new Failure(Errno.EBUSY, "dma_free", "check mappings",
                $"Allocation {id} is mapped by {found.Value.Mappings} user mappings: taking them away first is the driver's duty.",
                "allocation");
        }

        FreeNow(process, found.Value);
        return null;
    }

    /// <summary>The driver's CPU reads an allocation through its kernel mapping.</summary>
    /// <returns>EINVAL behind its end; EFAULT without a kernel mapping or where the view faults.</returns>
    public Failure? Read(GuestProcess process, ulong id, ulong offset, Span<byte> target)
    {
        using var plan = new AccessPlan();
        using Lock.Scope held = _gate.Hold();
        if (PlanAllocation(process, id, offset, (ulong)target.Length, write: false, plan) is { } failure)
        {
            return failure;
        }

        plan.Read(target);
        return null;
    }

    /// <summary>The driver's CPU writes an allocation through its kernel mapping.</summary>
    /// <returns>As <see cref="Read"/>.</returns>
    public Failure? Write(GuestProcess process, ulong id, ulong offset, ReadOnlySpan<byte> source)
    {
        using var plan = new AccessPlan();
        using Lock.Scope held = _gate.Hold();
        if (PlanAllocation(process, id, offset, (ulong)source.Length, write: true, plan) is { } failure)
        {
            return failure;
        }

        plan.Write(source);
        return null;
    }

    /// <summary>
    /// A driver's mmap handler over <c>dma_mmap_attrs</c> (S-DMA-65) or, for pages and tables, <c>dma_mmap_pages</c>, whose mappings are
    /// never decrypted (S-DMA-66, 67). Undone by munmap.
    /// </summary>
    /// <param name="process">The driver and program.</param>
    /// <param name="id">The allocation.</param>
    /// <param name="pageOffset">First page of it.</param>
    /// <param name="length">Bytes, rounded up to pages; null: to the end.</param>
    /// <returns>
    /// The mapping, with its memfd where it shows host-visible memory in plain; ENXIO behind the end (S-DMA-65); EINVAL; ENOMEM.
    /// </returns>
    public Result<MmapResult> Mmap(GuestProcess process, ulong id, ulong pageOffset, ulong? length = null)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaHolding> found = FindAllocation(process, id, "dma_mmap");
        if (!found.Ok)
        {
            return found.Failure;
        }

        DmaHolding holding = found.Value;
        ulong pages = holding.Block.Bytes >> Page.Shift;
        ulong wanted = length is { } bytes ? Page.AlignUp(bytes) >> Page.Shift : Math.Max(pages, pageOffset + 1) - pageOffset;
        if (wanted == 0)
        {
            return new Failure(Errno.EINVAL, "dma_mmap", "check length", $"length {length} is 0 or wraps.", "length");
        }

        if (pageOffset >= pages || wanted > pages - pageOffset)
        {
            return new Failure(Errno.ENXIO, "dma_mmap", "check range",
                $"Pages {pageOffset} + {wanted} end behind the allocation of {pages} (S-DMA-65).", "page_offset");
        }

        ulong address = process.Addresses.FindGap(wanted << Page.Shift);
        if (address == 0)
        {
            return new Failure(Errno.ENOMEM, "dma_mmap", "find address", "The process has no room for another mapping.");
        }

        // dma_mmap_pages maps with the mapping's own protection (S-DMA-66).
        bool decrypted = holding.Shown.Kind == DmaAllocationKind.Alloc && holding.Device.Dma.ForceUnencrypted;
        var file = new CoherentFile(holding, decrypted) { References = 1, Backing = holding.Block.Backing };
        process.Addresses.Add(new Vma(
            address, wanted << Page.Shift, file, pageOffset << Page.Shift, MapProtection.Read | MapProtection.Write, Private: false));

        // A mapping that the kernel did not make decrypted shows garbage or faults in a CoCo guest (S-DMA-67): no fd shows that.
        VisibleBacking? backing = decrypted || !_core.Platform.Encrypted ? file.Backing : null;
        return new MmapResult(address, wanted << Page.Shift, backing, pageOffset << Page.Shift);
    }

    private Result<DmaAllocation> AllocateAsPages(
        GuestProcess process, string device, ulong size, DmaDirection direction,
        DmaAllocationFlags flags, DmaAttributes attributes, uint cpu, DmaAllocationKind kind, string operation)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestDevice> found = PrepareAllocation(process, device, size, flags, attributes, cpu, operation);
        if (!found.Ok)
        {
            return found.Failure;
        }

        if ((uint)direction > (uint)DmaDirection.FromDevice)
        {
            return new Failure(Errno.EINVAL, operation, "direction", $"Direction {(int)direction} is none of 0, 1, 2.", "direction");
        }

        if ((attributes & ~DmaAttributes.AllocSinglePages) != 0)
        {
            return Refuse(found.Value.Dma, operation, "only ALLOC_SINGLE_PAGES is allowed", "attrs");
        }

        if ((flags & (Zones | DmaAllocationFlags.Compound)) != 0)
        {
            return Refuse(found.Value.Dma, operation, "zone and compound flags are not allowed", "flags");
        }

        Result<DmaBlock> block = _allocator.Take(found.Value.Dma, size, flags, asPages: true, operation);
        return Finish(process, found.Value, block, kind, size, direction, flags, attributes, attributes);
    }

    private Result<GuestDevice> PrepareAllocation(
        GuestProcess process, string device, ulong size, DmaAllocationFlags flags, DmaAttributes attributes, uint cpu, string operation)
    {
        Result<GuestDevice> found = Prepare(process, device, attributes, cpu, operation);
        return !found.Ok ? found
            : size == 0 ? new Failure(Errno.EINVAL, operation, "check size", "An allocation has at least 1 byte.", "size")
            : (flags & ~(Zones | DmaAllocationFlags.Atomic | DmaAllocationFlags.Compound)) != 0
                ? new Failure(Errno.EINVAL, operation, "check flags", $"flags 0x{(int)flags:x} have unknown bits.", "flags")
            : process.Dma.Allocations.Count >= _core.Limits.AttachmentsPerProcess
                ? new Failure(Errno.ENOMEM, operation, "check limit",
                    $"The process has {_core.Limits.AttachmentsPerProcess} allocations already.")
            : found;
    }

    // The trace line is written for failures, too, with address 0 (S-TRC-13).
    private Result<DmaAllocation> Finish(
        GuestProcess process, GuestDevice device, Result<DmaBlock> block, DmaAllocationKind kind, ulong size, DmaDirection direction,
        DmaAllocationFlags flags, DmaAttributes attributes, DmaAttributes traced)
    {
        DmaDevice dma = device.Dma;
        _core.NoteTermination();
        if (!block.Ok)
        {
            DmaAllocationKind failed = kind == DmaAllocationKind.AllocSgt ? DmaAllocationKind.AllocSgtError : kind;
            _core.Dma.TraceAllocation(dma, new DmaAllocationEvent(failed, direction, 0, size, 0, [], DmaAllocationText.Of(flags), traced));
            return block.Failure;
        }

        DmaBlock taken = ShowToHost(block.Value);
        ulong phys = taken.Phys;
        bool cookie = (attributes & DmaAttributes.NoKernelMapping) != 0 && !dma.ForceUnencrypted;
        var shown = new DmaAllocation(
            ++_lastId, kind, _core.Dma.CoherentAddress(dma, phys), phys,
            cookie ? PageDescriptors + (Page.FrameOf(phys) * DescriptorBytes) : DirectMap + phys, size, taken.Source, taken.Shared);
        process.Dma.Allocations.Add(shown.Id, new DmaHolding(shown, device, taken, direction, attributes));
        _core.Dma.TraceAllocation(dma, EventOf(shown, kind, direction, DmaAllocationText.Of(flags), traced));
        return shown;
    }

    // Pages that the host sees get a memfd of their own, so that a program that maps them can have them by fd. The pools' bytes stay in the
    // guest's store, which no other process may get.
    private DmaBlock ShowToHost(DmaBlock block)
    {
        if (block.Source != DmaMemorySource.Pages || (_core.Platform.Encrypted && !block.Shared))
        {
            return block;
        }

        VisibleBacking backing = _core.Memory.AddBacking(
            [.. FramePieces.Of(block.Range)], block.Bytes, readOnly: false, out int slot, cleared: true);
        return block with { Backing = backing, BackingSlot = slot };
    }

    private void FreeNow(GuestProcess process, DmaHolding holding)
    {
        DmaAllocation shown = holding.Shown;
        DmaAllocationKind kind = shown.Kind switch
        {
            DmaAllocationKind.AllocPages => DmaAllocationKind.FreePages,
            DmaAllocationKind.AllocSgt => DmaAllocationKind.FreeSgt,
            _ => DmaAllocationKind.Free,
        };
        process.Dma.Allocations.Remove(shown.Id);
        _core.Dma.TraceAllocation(holding.Device.Dma, EventOf(shown, kind, holding.Direction, string.Empty, holding.Attributes));
        _allocator.Give(holding.Device.Dma, holding.Block);

        // After the conversion, which moves the bytes by the platform's rule or leaves them shared, as for a buffer.
        if (holding.Block.Backing is { } backing)
        {
            _core.Memory.RemoveBacking(backing, holding.Block.BackingSlot, [.. FramePieces.Of(holding.Block.Range)]);
            _core.Hooks.MemoryRevoked?.Invoke(backing, "released");
        }

        _core.NoteTermination();
    }

    private static DmaAllocationEvent EventOf(
        DmaAllocation shown, DmaAllocationKind kind, DmaDirection direction, string flags, DmaAttributes attributes) =>
        new(kind, direction, shown.DmaAddress, shown.Size, shown.Virtual, [shown.Phys], flags, attributes);

    private Failure? PlanAllocation(GuestProcess process, ulong id, ulong offset, ulong length, bool write, AccessPlan plan)
    {
        const string Operation = "kernel access";
        Result<DmaHolding> found = FindAllocation(process, id, Operation);
        if (!found.Ok)
        {
            return found.Failure;
        }

        DmaHolding holding = found.Value;
        if (GuestLimits.CheckAccessLength(Operation, length) is { } tooLong)
        {
            return tooLong;
        }

        if (offset > holding.Block.Bytes || length > holding.Block.Bytes - offset)
        {
            return new Failure(Errno.EINVAL, Operation, "check range",
                $"{offset} + {length} ends behind the {holding.Block.Bytes} bytes.", "offset");
        }

        if (holding.Shown.Virtual < DirectMap || holding.Shown.Virtual >= PageDescriptors)
        {
            return new Failure(Errno.EFAULT, Operation, "kernel mapping", "NO_KERNEL_MAPPING gave a cookie, not an address.", "allocation");
        }

        ViewAccessor accessor = holding.Block.Shared ? ViewAccessor.GuestSharedMapping : ViewAccessor.GuestPrivateMapping;
        return _core.Access.Plan(plan, accessor, holding.Block.Phys + offset, length, write, Operation);
    }

    private Result<DmaAllocation> Refuse(DmaDevice device, string operation, string why, string field)
    {
        _core.Dma.WarnRefused(device, operation, why);
        return new Failure(Errno.ENOMEM, operation, $"check {field}", $"The call is refused: {why}.", field);
    }

    private Result<DmaHolding> FindAllocation(GuestProcess process, ulong id, string operation) =>
        _gate.Begin(process) is { } dead ? dead
        : process.Dma.Allocations.TryGetValue(id, out DmaHolding? found) ? found
        : new Failure(Errno.EINVAL, operation, "look up allocation", $"This process has no DMA allocation {id}.", "allocation");
}
