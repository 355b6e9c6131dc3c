using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Devices;

/// <summary>
/// The DMA API for drivers: a process acts as the driver of its devices, maps pages it took and allocates memory for DMA.
/// Models: <c>dma_map_*</c>, unmap, sync, masks and limits (S-DMA-40..70), <c>dma_alloc_*</c>, <c>dma_mmap_*</c> (S-DMA-60..74),
/// <c>dma_pool_*</c> (S-DMA-90..93), the checks of DMA debugging (S-DMA-46, 47). What a driver may not do to others is refused: it maps
/// only pages that it took itself, and frees only what is not mapped.
/// Does not model: an IOMMU, user memory under DMA (<see cref="GuestPins"/> gives no addresses).
/// </summary>
/// <remarks>Everything belongs to the process and goes with it or with its device: mappings first, then allocations, then pages.</remarks>
public sealed partial class GuestDmaApi
{
    // The kernel's direct map without address randomisation, and its page descriptors of 64 bytes.
    private const ulong DirectMap = 0xffff888000000000;
    private const ulong PageDescriptors = 0xffffea0000000000;
    private const int DescriptorBytes = 64;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestDevices _devices;
    private readonly DmaAllocator _allocator;
    private ulong _lastId;

    internal GuestDmaApi(GuestCore core, ProcessTable processes, GuestDevices devices, DmaAllocator allocator)
    {
        _core = core;
        _gate = core.Gate;
        _devices = devices;
        _allocator = allocator;
        processes.Holders.Add(ProcessRelease.DmaApi, DropAll);
        devices.Holders.Add(DeviceRelease.DmaApi, device => DropAll(device.Owner, device));
    }

    /// <summary>Bytes that failing conversions lost.</summary>
    internal ulong LeakedBytes => _allocator.LeakedBytes;

    /// <summary>Answers of the DMA layer about a device (S-DMA-56, 58, 70).</summary>
    /// <returns>ENODEV for a device that is not the process' own.</returns>
    public Result<DmaQuery> Query(GuestProcess process, string device)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestDevice> found = Find(process, device, "query");
        if (!found.Ok)
        {
            return found.Failure;
        }

        DmaDevice dma = found.Value.Dma;
        DmaMapper mapper = _core.Dma;
        ulong most = mapper.MaxMappingSize(dma);
        return new DmaQuery(
            dma.DmaMask, dma.CoherentDmaMask, most, most, mapper.RequiredMask(dma), mapper.IsAddressingLimited(dma), mapper.NeedsSync(dma),
            dma.Pool is not null, dma.ForcedBounce, dma.ForceUnencrypted, dma.Options.MaxSegmentSize, dma.Options.SegmentBoundaryMask,
            dma.Options.Trusted);
    }

    /// <summary><c>dma_set_mask_and_coherent</c> (S-DMA-59).</summary>
    /// <returns>ENODEV; EPERM for the built-in device, which all share; EIO for a mask that direct mapping does not support.</returns>
    public Failure? SetMask(GuestProcess process, string device, ulong mask)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestDevice> found = Find(process, device, "dma_set_mask");
        return !found.Ok ? found.Failure
            : found.Value.Name == DeviceSpec.BuiltInName
                ? new Failure(Errno.EPERM, "dma_set_mask", "check device",
                    "The built-in device keeps its mask: all processes use it.", "device")
            : _core.Dma.SetMask(found.Value.Dma, mask);
    }

    /// <summary><c>alloc_pages</c>: zeroed private pages in a row, for mapping.</summary>
    /// <param name="process">The driver.</param>
    /// <param name="bytes">Bytes, rounded up to pages, at most 4 MiB.</param>
    /// <returns>Their guest-physical address; EINVAL for a size of 0 or beyond 4 MiB; ENOMEM.</returns>
    public Result<ulong> TakePages(GuestProcess process, ulong bytes)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        ulong size = Page.AlignUp(bytes);
        if (bytes == 0 || bytes > Page.Size << BuddyAllocator.MaxOrder)
        {
            return new Failure(Errno.EINVAL, "alloc_pages", "check size", $"{bytes} bytes are none or more than 4 MiB.", "size");
        }

        int order = System.Numerics.BitOperations.Log2(System.Numerics.BitOperations.RoundUpToPowerOf2(size >> Page.Shift));
        if (!_core.SinglePages.TryTake(order, out Chunk block))
        {
            return new Failure(Errno.ENOMEM, "alloc_pages", "allocate pages", $"No {size} bytes in a row are free.", "size");
        }

        process.Dma.Pages.Add(block.Address, new DriverPages(block, size));
        return block.Address;
    }

    /// <summary><c>__free_pages</c>.</summary>
    /// <returns>EINVAL for an address that <see cref="TakePages"/> did not give this process; EBUSY while they are mapped.</returns>
    public Failure? GivePages(GuestProcess process, ulong phys)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (!process.Dma.Pages.TryGetValue(phys, out DriverPages? pages))
        {
            return new Failure(Errno.EINVAL, "free_pages", "look up pages", $"This process took no pages at 0x{phys:x}.", "phys");
        }

        if (pages.Mappings != 0)
        {
            return new Failure(Errno.EBUSY, "free_pages", "check mappings",
                $"The pages at 0x{phys:x} have {pages.Mappings} live DMA mappings: unmapping first is the driver's duty.", "phys");
        }

        process.Dma.Pages.Remove(phys);
        _core.SinglePages.Free([pages.Block]);
        return null;
    }

    /// <summary>The driver's CPU reads pages that it took.</summary>
    /// <returns>EINVAL for a range that is not of such pages; EFAULT where the view faults.</returns>
    public Failure? ReadPages(GuestProcess process, ulong phys, Span<byte> target)
    {
        using var plan = new AccessPlan();
        using Lock.Scope held = _gate.Hold();
        if (PlanPages(process, phys, (ulong)target.Length, write: false, plan) is { } failure)
        {
            return failure;
        }

        plan.Read(target);
        return null;
    }

    /// <summary>The driver's CPU writes pages that it took.</summary>
    /// <returns>As <see cref="ReadPages"/>.</returns>
    public Failure? WritePages(GuestProcess process, ulong phys, ReadOnlySpan<byte> source)
    {
        using var plan = new AccessPlan();
        using Lock.Scope held = _gate.Hold();
        if (PlanPages(process, phys, (ulong)source.Length, write: true, plan) is { } failure)
        {
            return failure;
        }

        plan.Write(source);
        return null;
    }

    /// <summary>The end of a process: its drivers let go of everything.</summary>
    internal void DropAll(GuestProcess process)
    {
        foreach (GuestDevice device in process.Dma.Singles.Keys.Select(k => k.Device)
            .Concat(process.Dma.Scatters.Values.Select(s => s.Device)).Concat(process.Dma.Allocations.Values.Select(a => a.Device))
            .Concat(process.Dma.Pools.Values.Select(p => p.Device))
            .Distinct().ToArray())
        {
            DropAll(process, device);
        }

        foreach (DriverPages pages in process.Dma.Pages.Values)
        {
            _core.SinglePages.Free([pages.Block]);
        }

        process.Dma.Pages.Clear();
    }

    /// <summary>A device goes: what was mapped and allocated for it, in the order of making.</summary>
    internal void DropAll(GuestProcess process, GuestDevice device)
    {
        foreach (((GuestDevice owner, ulong dma), List<DmaStreaming> same)
            in process.Dma.Singles.Where(s => ReferenceEquals(s.Key.Device, device)).ToArray())
        {
            foreach (DmaStreaming single in same.ToArray())
            {
                RemoveSingle(process, owner, dma, single, single.Attributes);
            }
        }

        foreach ((ulong id, (_, DmaStreaming list)) in process.Dma.Scatters.Where(s => ReferenceEquals(s.Value.Device, device)).ToArray())
        {
            RemoveScatter(process, device, id, list, list.Attributes);
        }

        foreach (ulong pool in process.Dma.Pools.Where(p => ReferenceEquals(p.Value.Device, device)).Select(p => p.Key).ToArray())
        {
            process.Dma.Pools.Remove(pool);
        }

        foreach (DmaHolding holding in process.Dma.Allocations.Values.Where(a => ReferenceEquals(a.Device, device)).ToArray())
        {
            FreeNow(process, holding);
        }
    }

    private Failure? PlanPages(GuestProcess process, ulong phys, ulong length, bool write, AccessPlan plan) =>
        _gate.Begin(process)
        ?? GuestLimits.CheckAccessLength("kernel access", length)
        ?? (process.Dma.Find(phys, length) is null ? NotTaken("kernel access", phys, length)
            : _core.Access.Plan(plan, ViewAccessor.GuestPrivateMapping, phys, length, write, "kernel access"));

    private Result<GuestDevice> Find(GuestProcess process, string device, string operation) =>
        _gate.Begin(process) is { } dead ? dead : _devices.FindFor(process, device, operation);

    private static Failure NotTaken(string operation, ulong phys, ulong size) =>
        new(Errno.EINVAL, operation, "check memory", $"0x{phys:x} + {size} bytes are not inside pages that this process took.", "phys");
}
