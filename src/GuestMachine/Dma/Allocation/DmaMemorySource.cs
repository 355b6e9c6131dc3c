namespace CocoGuest.Machine.Dma.Allocation;

/// <summary>Where allocated DMA memory comes from.</summary>
public enum DmaMemorySource
{
    /// <summary>The page allocator.</summary>
    Pages = 0,
    /// <summary>The device's restricted pool (S-DMA-68).</summary>
    RestrictedPool = 1,
    /// <summary>The pool that was decrypted in advance for callers who may not sleep (S-DMA-60).</summary>
    AtomicPool = 2,
}
