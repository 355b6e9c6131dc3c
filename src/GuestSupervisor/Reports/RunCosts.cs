using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.PageState;

namespace CocoGuest.Supervisor.Reports;

/// <summary>
/// A counter that carries over to hardware: how often the run did what costs time there. Nanoseconds of this machine do not.
/// </summary>
/// <param name="Name">In JSON.</param>
/// <param name="Words">For people.</param>
/// <param name="Value">The count.</param>
public sealed record RunCosts(string Name, string Words, ulong Value)
{
    /// <summary>The counters of a run: what the guest's start cost is left out.</summary>
    public static IReadOnlyList<RunCosts> Of(RunReport report)
    {
        ConversionCounters conversions = report.Guest.Conversions - report.Before.Conversions;
        (DmaCounters before, DmaCounters after) = (report.Before.Dma, report.Guest.Dma);
        return
        [
            new("conversions_to_shared", "conversions to shared", conversions.ConversionsToShared),
            new("conversions_to_private", "conversions to private", conversions.ConversionsToPrivate),
            new("pages_to_shared", "pages to shared", conversions.PagesToShared),
            new("pages_to_private", "pages to private", conversions.PagesToPrivate),
            new("hypervisor_exits", "hypervisor exits", conversions.HypervisorExits),
            new("psc_batches", "page-state-change batches", conversions.PscBatches),
            new("pvalidates", "PVALIDATEs", conversions.Pvalidates),
            new("map_gpa_calls", "MapGPA calls", conversions.MapGpaCalls),
            new("pages_accepted", "pages accepted", conversions.PagesAccepted),
            new("rmp_splits", "RMP splits", conversions.RmpSplits),
            new("sept_splits", "SEPT splits", conversions.SeptSplits),
            new("direct_map_splits", "direct-map splits", conversions.DirectMapSplits),
            new("tlb_flushes", "TLB flushes", conversions.TlbFlushes),
            new("dma_mapped", "DMA mappings", after.Mapped - before.Mapped),
            new("dma_bounced", "of them bounced", after.Bounced - before.Bounced),
            new("dma_failed", "DMA maps that failed", after.Failed - before.Failed),
            new("swiotlb_slots_high_water", "swiotlb slots at most", after.DefaultPool?.PeakSlots ?? 0),
            new("bytes_bounced", "bytes bounced", report.Guest.Copies.BounceBytes - report.Before.Copies.BounceBytes),
        ];
    }
}
