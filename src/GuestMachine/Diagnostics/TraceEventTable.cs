using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Diagnostics;

/// <summary>Which trace events a kernel has, as <c>system:event</c> (S-TRC-10 to 20, 40, 60, 61).</summary>
internal static class TraceEventTable
{
    private static readonly string[] Common =
    [
        "dma:dma_alloc", "dma:dma_alloc_pages", "dma:dma_alloc_sgt", "dma:dma_alloc_sgt_err", "dma:dma_free", "dma:dma_free_pages",
        "dma:dma_free_sgt", "dma:dma_map_sg", "dma:dma_map_sg_err", "dma:dma_unmap_sg", "dma:dma_sync_single_for_cpu",
        "dma:dma_sync_single_for_device", "dma:dma_sync_sg_for_cpu", "dma:dma_sync_sg_for_device", "swiotlb:swiotlb_bounced",
    ];

    private static readonly string[] UpTo617 = ["dma:dma_map_page", "dma:dma_map_resource", "dma:dma_unmap_page", "dma:dma_unmap_resource"];

    private static readonly string[] From618 = ["dma:dma_map_phys", "dma:dma_unmap_phys"];

    private static readonly string[] DmaBufEvents =
    [
        "dma_buf:dma_buf_export", "dma_buf:dma_buf_mmap_internal", "dma_buf:dma_buf_mmap", "dma_buf:dma_buf_put",
        "dma_buf:dma_buf_dynamic_attach", "dma_buf:dma_buf_detach", "dma_buf:dma_buf_fd", "dma_buf:dma_buf_get",
    ];

    // Index = KernelVersion.
    private static readonly string[][] Rows =
    [
        [.. Common, .. UpTo617],
        [.. Common, .. From618],
        [.. Common, .. From618],
        [.. Common, .. From618, .. DmaBufEvents],
        [.. Common, .. From618, .. DmaBufEvents],
        [.. Common, .. From618, .. DmaBufEvents],
        [.. Common, .. UpTo617],
    ];

    /// <summary>The kernel emits the event with a lock held, so its line shows preempt depth 1 (S-REC-54).</summary>
    public static bool IsUnderLock(string name) => Array.Exists(DmaBufEvents, e => e.EndsWith(':' + name, StringComparison.Ordinal));

    /// <summary>The events of a kernel.</summary>
    public static IReadOnlyList<string> Of(KernelVersion kernel) => Rows[(int)kernel];
}
