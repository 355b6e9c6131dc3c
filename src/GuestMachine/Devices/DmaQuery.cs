namespace CocoGuest.Machine.Devices;

/// <summary>What the DMA layer answers about a device.</summary>
/// <param name="DmaMask">Streaming mask.</param>
/// <param name="CoherentDmaMask">Coherent mask.</param>
/// <param name="MaxMappingSize"><c>dma_max_mapping_size</c>, bytes; all ones: unlimited (S-DMA-70).</param>
/// <param name="OptMappingSize"><c>dma_opt_mapping_size</c>, bytes; without an IOMMU the same.</param>
/// <param name="RequiredMask"><c>dma_get_required_mask</c> (S-DMA-58).</param>
/// <param name="AddressingLimited"><c>dma_addressing_limited</c> (S-DMA-58).</param>
/// <param name="NeedSync"><c>dma_dev_need_sync</c> (S-DMA-56).</param>
/// <param name="SwiotlbActive">The device has a bounce pool.</param>
/// <param name="ForceBounce">Every streaming mapping bounces.</param>
/// <param name="ForceUnencrypted"><c>force_dma_unencrypted</c> (S-DMA-19).</param>
/// <param name="MaxSegmentSize">Largest segment, bytes.</param>
/// <param name="SegmentBoundary">Segment boundary mask.</param>
/// <param name="TrustedExtension">The answers follow the emulator's rules for T=1 devices, which no Linux has (S-DMA-82).</param>
public sealed record DmaQuery(
    ulong DmaMask,
    ulong CoherentDmaMask,
    ulong MaxMappingSize,
    ulong OptMappingSize,
    ulong RequiredMask,
    bool AddressingLimited,
    bool NeedSync,
    bool SwiotlbActive,
    bool ForceBounce,
    bool ForceUnencrypted,
    uint MaxSegmentSize,
    ulong SegmentBoundary,
    bool TrustedExtension);
