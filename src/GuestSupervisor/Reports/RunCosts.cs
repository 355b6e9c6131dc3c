using CocoGuest.Machine;

namespace CocoGuest.Supervisor.Reports;

/// <summary>
/// A counter that carries over to hardware: how often the run did what costs time there. Nanoseconds of this machine do not.
/// </summary>
/// <param name="Name">In JSON.</param>
/// <param name="Words">For people.</param>
/// <param name="Value">The count.</param>
public sealed record RunCosts(string Name, string Words, ulong Value)
{
    /// <summary>The counters of a guest since its boot, the pool's conversion at start-up included.</summary>
    public static IReadOnlyList<RunCosts> Of(GuestSnapshot guest) =>
    [
        new("conversions_to_shared", "conversions to shared", guest.Conversions.ConversionsToShared),
        new("conversions_to_private", "conversions to private", guest.Conversions.ConversionsToPrivate),
        new("pages_to_shared", "pages to shared", guest.Conversions.PagesToShared),
        new("pages_to_private", "pages to private", guest.Conversions.PagesToPrivate),
        new("hypervisor_exits", "hypervisor exits", guest.Conversions.HypervisorExits),
        new("psc_batches", "page-state-change batches", guest.Conversions.PscBatches),
        new("pvalidates", "PVALIDATEs", guest.Conversions.Pvalidates),
        new("map_gpa_calls", "MapGPA calls", guest.Conversions.MapGpaCalls),
        new("pages_accepted", "pages accepted", guest.Conversions.PagesAccepted),
        new("rmp_splits", "RMP splits", guest.Conversions.RmpSplits),
        new("sept_splits", "SEPT splits", guest.Conversions.SeptSplits),
        new("direct_map_splits", "direct-map splits", guest.Conversions.DirectMapSplits),
        new("tlb_flushes", "TLB flushes", guest.Conversions.TlbFlushes),
        new("dma_mapped", "DMA mappings", guest.Dma.Mapped),
        new("dma_bounced", "of them bounced", guest.Dma.Bounced),
        new("dma_failed", "DMA maps that failed", guest.Dma.Failed),
        new("swiotlb_slots_high_water", "swiotlb slots at most", guest.Dma.DefaultPool?.PeakSlots ?? 0),
        new("bytes_bounced", "bytes bounced", guest.Copies.BounceBytes),
    ];
}
