using System.Numerics;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma.Swiotlb;

namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>
/// The streaming DMA API of one guest over direct mapping.
/// Models: <c>dma_map_phys</c>, <c>dma_map_sgtable</c>, unmap, sync and the address limits (S-DMA-17..59, S-DMA-70, S-DMA-80..84), bouncing
/// (S-SWI-30..45, S-SWI-80, 81), trace moments (S-TRC) and log lines.
/// Does not model: an IOMMU, peer-to-peer page types (EREMOTEIO), CPU cache maintenance (none on x86), coherent allocation
/// (<c>DmaAllocator</c>).
/// <para>Not thread-safe: the guest's lock orders its calls. A call that succeeds does not allocate.</para>
/// </summary>
public sealed partial class DmaMapper
{
    /// <summary><c>DMA_MAPPING_ERROR</c> (S-DMA-03).</summary>
    public const ulong Error = ulong.MaxValue;

    // The value that stands for stack garbage in P0 (S-DMA-37, S-UNV-51).
    private const ulong Uninitialised = 0xdeadbeefdeadbeef;

    private readonly DmaEnvironment _environment;
    private readonly AddressEncoding _encoding;
    private readonly IKernelLog _log;
    private readonly IDmaTrace? _trace;
    private readonly DmaAttributeCheck? _check;
    private ulong _mapped;
    private ulong _unmapped;
    private ulong _bounced;
    private ulong _failed;

    /// <summary>The DMA layer of a guest.</summary>
    /// <param name="environment">Platform, kernel and RAM.</param>
    /// <param name="defaultPool">The default swiotlb pool, or null where start-up made none.</param>
    /// <param name="log">The kernel log.</param>
    /// <param name="trace">Receiver of trace events, or null.</param>
    public DmaMapper(DmaEnvironment environment, SwiotlbPool? defaultPool, IKernelLog log, IDmaTrace? trace = null)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(log);
        _environment = environment;
        _encoding = environment.Encoding;
        _log = log;
        _trace = trace;
        DefaultPool = defaultPool;
        _check = environment.DmaDebug && environment.Rules.ComparesUnmapAttributes ? new DmaAttributeCheck(log) : null;
    }

    /// <summary>Fault points of the guest, or null: none.</summary>
    internal FaultBoard? Faults { get; init; }

    /// <summary>The default swiotlb pool, or null.</summary>
    public SwiotlbPool? DefaultPool { get; }

    /// <summary>The guest's platform inputs.</summary>
    public DmaEnvironment Environment => _environment;

    /// <summary>All counters at this moment.</summary>
    public DmaCounters Snapshot() => new(_mapped, _unmapped, _bounced, _failed, DefaultPool?.Snapshot());

    /// <summary>Makes a device known.</summary>
    /// <returns>
    /// The device; EINVAL for a mask that is not 2^n − 1, EIO for a DMA mask that direct mapping does not support (S-DMA-59).
    /// </returns>
    public Result<DmaDevice> AddDevice(DmaDeviceOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (string.IsNullOrWhiteSpace(options.Name))
        {
            return new Failure(Errno.EINVAL, "add device", "name", "A device needs a name.", "name");
        }

        if (!IsMask(options.MinAlignMask))
        {
            return NotAMask("min_align_mask", options.MinAlignMask);
        }

        if (!IsMask(options.SegmentBoundaryMask) || options.SegmentBoundaryMask < SwiotlbPool.SlotOffsetMask)
        {
            return NotAMask("segment_boundary_mask", options.SegmentBoundaryMask);
        }

        if (options.DmaMask != 0 && !Supports(options.DmaMask))
        {
            return Unsupported(options.DmaMask, "dma_mask");
        }

        return new DmaDevice(options, _environment, DefaultPool);
    }

    /// <summary><c>dma_map_phys</c> (S-DMA-40). With <see cref="DmaAttributes.Mmio"/> also <c>dma_map_resource</c> (S-DMA-46).</summary>
    /// <param name="device">The device.</param>
    /// <param name="phys">Guest-physical address.</param>
    /// <param name="size">Bytes, at least 1.</param>
    /// <param name="direction">Direction.</param>
    /// <param name="attributes">Attributes.</param>
    /// <returns>
    /// The DMA address; ENOMEM where the kernel gives <c>DMA_MAPPING_ERROR</c> (S-DMA-03); EINVAL for a call it has no answer to.
    /// </returns>
    public Result<ulong> MapPhys(
        DmaDevice device, ulong phys, ulong size, DmaDirection direction, DmaAttributes attributes = DmaAttributes.None) =>
        Map(device, phys, size, direction, attributes, device.Table);

    private Result<ulong> Map(
        DmaDevice device, ulong phys, ulong size, DmaDirection direction, DmaAttributes attributes, DirectMappingTable table)
    {
        if (CheckCall("dma_map_phys", direction, phys, size) is { } wrong)
        {
            return wrong;
        }

        DmaMapError error = CheckDevice(device, attributes, "dma_map_phys");
        if (error == DmaMapError.None)
        {
            ulong dma = MapDirect(device, phys, size, attributes, table, out error);
            _trace?.MapPhys(device, phys, dma, size, direction, attributes);
            if (dma != Error)
            {
                _check?.Mapped(device, dma, attributes);
                _mapped++;
                return dma;
            }
        }

        _failed++;
        return Describe(error, Errno.ENOMEM, "dma_map_phys", device, phys, size, entry: -1);
    }

    /// <summary><c>dma_map_page_attrs</c>: as <see cref="MapPhys"/>, but MMIO is refused untraced (S-DMA-46).</summary>
    /// <returns>As <see cref="MapPhys"/>.</returns>
    public Result<ulong> MapPage(
        DmaDevice device, ulong phys, ulong size, DmaDirection direction, DmaAttributes attributes = DmaAttributes.None)
    {
        if ((attributes & DmaAttributes.Mmio) == 0)
        {
            return MapPhys(device, phys, size, direction, attributes);
        }

        _failed++;
        return Describe(DmaMapError.Refused, Errno.ENOMEM, "dma_map_page_attrs", device, phys, size, entry: -1);
    }

    /// <summary><c>dma_map_resource</c>: a range that is no memory (S-DMA-46).</summary>
    /// <returns>As <see cref="MapPhys"/>.</returns>
    public Result<ulong> MapResource(
        DmaDevice device, ulong phys, ulong size, DmaDirection direction, DmaAttributes attributes = DmaAttributes.None)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (!RefusesResource(device, phys))
        {
            return Map(device, phys, size, direction, attributes | DmaAttributes.Mmio, device.Rules.ResourceTable ?? device.Table);
        }

        _failed++;
        return Describe(DmaMapError.Refused, Errno.ENOMEM, "dma_map_resource", device, phys, size, entry: -1);
    }

    /// <summary><c>dma_unmap_phys</c> (S-DMA-44).</summary>
    /// <returns>
    /// Null; EINVAL when the address lies in a bounce pool but no mapping starts there (the kernel would damage its pool).
    /// </returns>
    public Failure? UnmapPhys(
        DmaDevice device, ulong dma, ulong size, DmaDirection direction, DmaAttributes attributes = DmaAttributes.None)
    {
        if (CheckCall("dma_unmap_phys", direction, dma, size) is { } wrong)
        {
            return wrong;
        }

        bool done = UnmapDirect(device, dma, size, direction, attributes);
        _check?.Unmapped(device, dma, size, attributes);
        _trace?.UnmapPhys(device, dma, size, direction, attributes);
        return done ? null : NotMapped("dma_unmap_phys", dma);
    }

    /// <summary><c>dma_sync_single_for_cpu</c> (S-SWI-40). Also a part of a mapping.</summary>
    /// <returns>Null, or EINVAL for a direction or size that the call cannot have.</returns>
    public Failure? SyncForCpu(DmaDevice device, ulong dma, ulong size, DmaDirection direction) =>
        Sync(device, dma, size, direction, forCpu: true);

    /// <summary><c>dma_sync_single_for_device</c> (S-SWI-40). Also a part of a mapping.</summary>
    /// <returns>Null, or EINVAL for a direction or size that the call cannot have.</returns>
    public Failure? SyncForDevice(DmaDevice device, ulong dma, ulong size, DmaDirection direction) =>
        Sync(device, dma, size, direction, forCpu: false);

    /// <summary>True when sync calls do something (S-DMA-56).</summary>
    public bool NeedsSync(DmaDevice device) => _environment.DmaDebug || !device.SkipSync;

    private static bool IsMask(ulong value) => BitOperations.IsPow2(value + 1) || value == ulong.MaxValue || value == 0;

    private Failure? Sync(DmaDevice device, ulong dma, ulong size, DmaDirection direction, bool forCpu)
    {
        if (CheckCall(forCpu ? "dma_sync_single_for_cpu" : "dma_sync_single_for_device", direction, dma, size) is { } wrong)
        {
            return wrong;
        }

        if (NeedsSync(device))
        {
            CopyIfBounced(device, dma, size, BounceCopyTable.WayOf(forCpu ? BounceCopy.SyncForCpu : BounceCopy.SyncForDevice, direction));
            _trace?.SyncSingle(device, dma, size, direction, forCpu);
        }

        return null;
    }

    private ulong MapDirect(
        DmaDevice device, ulong phys, ulong size, DmaAttributes attributes, DirectMappingTable table, out DmaMapError error)
    {
        ulong last = size - 1;
        ulong limit = device.Limit;
        ulong priv = _encoding.Private(phys);
        ulong unencrypted = _encoding.Unencrypted(phys);
        MappingInputs inputs = device.FixedInputs
            | ((attributes & device.SharedAttribute) != 0 ? MappingInputs.CcShared : MappingInputs.None)
            | ((attributes & DmaAttributes.Mmio) != 0 ? MappingInputs.Mmio : MappingInputs.None)
            | ((attributes & DmaAttributes.RequireCoherent) != 0 ? MappingInputs.RequireCoherent : MappingInputs.None)
            | (phys + last <= limit ? MappingInputs.CapablePhys : MappingInputs.None)
            | (priv + last <= limit && !device.RefusesPrivate ? MappingInputs.CapablePrivate : MappingInputs.None)
            | (unencrypted + last <= limit ? MappingInputs.CapableUnencrypted : MappingInputs.None);
        error = DmaMapError.None;
        MappingAction action = table.Decide(inputs);
        switch (action)
        {
            case MappingAction.Phys:
                return phys;
            case MappingAction.Private:
                return priv;
            case MappingAction.Unencrypted:
                return unencrypted;
            case MappingAction.Swiotlb:
                return MapBounced(device, phys, size, attributes, out error);
            case MappingAction.SilentError:
                error = DmaMapError.Refused;
                return Error;
            default:
                error = DmaMapError.Overflow;
                WarnOverflow(device, Printed(action, phys, priv, unencrypted), size);
                return Error;
        }
    }

    private bool UnmapDirect(DmaDevice device, ulong dma, ulong size, DmaDirection direction, DmaAttributes attributes)
    {
        _unmapped++;
        DmaAttributes untouched = DmaAttributes.Mmio
            | (device.Rules.KnowsRequireCoherent ? DmaAttributes.RequireCoherent : DmaAttributes.None);
        if ((attributes & untouched) != 0 || device.Pool is not { } pool)
        {
            return true;
        }

        ulong phys = _encoding.Physical(dma);
        if (!pool.Contains(phys))
        {
            return true;
        }

        BounceCopy step = (attributes & DmaAttributes.SkipCpuSync) != 0 ? BounceCopy.UnmapSkippingSync : BounceCopy.Unmap;
        CopyBounced(device, pool, phys, size, BounceCopyTable.WayOf(step, direction));
        return pool.Release(phys);
    }
}
