namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>The allocation events of the DMA layer (S-TRC-13..15).</summary>
public enum DmaAllocationKind
{
    /// <summary><c>dma_alloc</c>.</summary>
    Alloc = 0,
    /// <summary><c>dma_alloc_pages</c>.</summary>
    AllocPages = 1,
    /// <summary><c>dma_alloc_sgt</c>.</summary>
    AllocSgt = 2,
    /// <summary><c>dma_alloc_sgt_err</c>.</summary>
    AllocSgtError = 3,
    /// <summary><c>dma_free</c>.</summary>
    Free = 4,
    /// <summary><c>dma_free_pages</c>.</summary>
    FreePages = 5,
    /// <summary><c>dma_free_sgt</c>.</summary>
    FreeSgt = 6,
}
