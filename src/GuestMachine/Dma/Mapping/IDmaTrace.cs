using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>
/// Receives the events of the DMA layer at the moments at which the kernel emits its trace events (S-TRC-10..24, S-TRC-40).
/// Spans are valid during the call only. A mapper without a sink pays one null check per event.
/// </summary>
public interface IDmaTrace
{
    /// <summary><c>dma_map_phys</c>: after the work, also when <paramref name="dma"/> is ERROR (S-DMA-41).</summary>
    void MapPhys(DmaDevice device, ulong phys, ulong dma, ulong size, DmaDirection direction, DmaAttributes attributes);

    /// <summary><c>dma_unmap_phys</c>: after the work.</summary>
    void UnmapPhys(DmaDevice device, ulong dma, ulong size, DmaDirection direction, DmaAttributes attributes);

    /// <summary><c>dma_map_sg</c>: after success only.</summary>
    void MapSg(
        DmaDevice device, ReadOnlySpan<SgEntry> entries, ReadOnlySpan<ulong> dma, DmaDirection direction, DmaAttributes attributes);

    /// <summary><c>dma_map_sg_err</c>: for errnos that direct mapping never gives (S-DMA-51).</summary>
    void MapSgError(DmaDevice device, ReadOnlySpan<SgEntry> entries, Errno error, DmaDirection direction, DmaAttributes attributes);

    /// <summary><c>dma_unmap_sg</c>: before the work.</summary>
    void UnmapSg(DmaDevice device, ReadOnlySpan<SgEntry> entries, DmaDirection direction, DmaAttributes attributes);

    /// <summary><c>dma_sync_single_for_cpu</c> or <c>_for_device</c>: after the work.</summary>
    void SyncSingle(DmaDevice device, ulong dma, ulong size, DmaDirection direction, bool forCpu);

    /// <summary><c>dma_sync_sg_for_cpu</c> or <c>_for_device</c>: after the work.</summary>
    void SyncSg(DmaDevice device, ReadOnlySpan<SgEntry> entries, ReadOnlySpan<ulong> dma, DmaDirection direction, bool forCpu);

    /// <summary><c>swiotlb_bounced</c>: before slots are searched.</summary>
    /// <param name="device">The device.</param>
    /// <param name="deviceAddress">The address that the private page would have had.</param>
    /// <param name="size">Bytes of the mapping.</param>
    void Bounced(DmaDevice device, ulong deviceAddress, ulong size);

    /// <summary>One of the allocation events.</summary>
    void Allocation(DmaDevice device, DmaAllocationEvent allocation);
}
