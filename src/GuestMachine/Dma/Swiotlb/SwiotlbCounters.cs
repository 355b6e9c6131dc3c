namespace CocoGuest.Machine.Dma.Swiotlb;

/// <summary>Counters of one pool at one moment.</summary>
/// <param name="Slots"><c>io_tlb_nslabs</c>.</param>
/// <param name="Areas">Areas that the pool is divided into (S-SWI-07).</param>
/// <param name="UsedSlots"><c>io_tlb_used</c> as the kernel reports it (S-SWI-52).</param>
/// <param name="HighWaterSlots"><c>io_tlb_used_hiwater</c> as the kernel reports it (S-SWI-52).</param>
/// <param name="PeakSlots">Most slots ever used at once, whatever the kernel reports.</param>
/// <param name="Mappings">Mappings that got slots since the pool was made.</param>
/// <param name="Full">Requests that found no room (S-SWI-33).</param>
/// <param name="BytesToBounce">Bytes copied into the pool.</param>
/// <param name="BytesFromBounce">Bytes copied out of the pool.</param>
/// <param name="LiveBytes">Bytes inside live mappings: readable by the host as long as they are mapped.</param>
/// <param name="StaleBytes">Bytes of free slots that were used before: the host may still read old data there (S-SWI-35).</param>
public sealed record SwiotlbCounters(
    uint Slots,
    uint Areas,
    uint UsedSlots,
    uint HighWaterSlots,
    uint PeakSlots,
    ulong Mappings,
    ulong Full,
    ulong BytesToBounce,
    ulong BytesFromBounce,
    ulong LiveBytes,
    ulong StaleBytes)
{
    /// <summary>Bytes that Linux itself declassifies: live and stale (S-SWI-35).</summary>
    public ulong DeclassifiedBytes => LiveBytes + StaleBytes;
}
