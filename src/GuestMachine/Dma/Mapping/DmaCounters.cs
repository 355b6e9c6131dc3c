using CocoGuest.Machine.Dma.Swiotlb;

namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>Counters of a guest's DMA layer at one moment.</summary>
/// <param name="Mapped">Single mappings and sg entries that were mapped.</param>
/// <param name="Unmapped">Single mappings and sg entries that were unmapped.</param>
/// <param name="Bounced">Those of the mapped ones that bounced.</param>
/// <param name="Failed">Map calls (single or sg) that failed.</param>
/// <param name="DefaultPool">Counters of the default swiotlb pool, or null where there is none.</param>
public sealed record DmaCounters(ulong Mapped, ulong Unmapped, ulong Bounced, ulong Failed, SwiotlbCounters? DefaultPool);
