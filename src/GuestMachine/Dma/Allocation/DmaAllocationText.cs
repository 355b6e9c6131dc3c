namespace CocoGuest.Machine.Dma.Allocation;

/// <summary>Names of allocation flags as trace lines print them (S-TRC-13).</summary>
internal static class DmaAllocationText
{
    private static readonly (DmaAllocationFlags Flag, string Name)[] Names =
    [
        (DmaAllocationFlags.Dma, "GFP_DMA"),
        (DmaAllocationFlags.Dma32, "GFP_DMA32"),
        (DmaAllocationFlags.HighMem, "__GFP_HIGHMEM"),
        (DmaAllocationFlags.Compound, "__GFP_COMP"),
    ];

    /// <summary>The names, joined by <c>|</c>.</summary>
    public static string Of(DmaAllocationFlags flags) => string.Join('|', Names.Where(n => flags.HasFlag(n.Flag)).Select(n => n.Name)
        .Prepend(flags.HasFlag(DmaAllocationFlags.Atomic) ? "GFP_ATOMIC" : "GFP_KERNEL"));
}
