namespace CocoGuest.Machine.Dma.Allocation;

/// <summary>What a caller of a DMA allocation says besides attributes: the allocation flags that matter here.</summary>
[Flags]
public enum DmaAllocationFlags
{
    /// <summary>GFP_KERNEL: the caller may sleep.</summary>
    None = 0,
    /// <summary>GFP_ATOMIC: the caller may not sleep, so nothing can be converted for it (S-DMA-60).</summary>
    Atomic = 1,
    /// <summary>GFP_DMA: below 16 MiB.</summary>
    Dma = 2,
    /// <summary>GFP_DMA32: below 4 GiB.</summary>
    Dma32 = 4,
    /// <summary>__GFP_HIGHMEM.</summary>
    HighMem = 8,
    /// <summary>__GFP_COMP: one compound page.</summary>
    Compound = 16,
}
