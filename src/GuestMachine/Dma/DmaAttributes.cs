namespace CocoGuest.Machine.Dma;

/// <summary>DMA attribute bits (S-DMA-01).</summary>
[Flags]
public enum DmaAttributes
{
    /// <summary>No attribute.</summary>
    None = 0,
    /// <summary>WEAK_ORDERING.</summary>
    WeakOrdering = 1 << 1,
    /// <summary>WRITE_COMBINE.</summary>
    WriteCombine = 1 << 2,
    /// <summary>NO_KERNEL_MAPPING.</summary>
    NoKernelMapping = 1 << 4,
    /// <summary>SKIP_CPU_SYNC.</summary>
    SkipCpuSync = 1 << 5,
    /// <summary>FORCE_CONTIGUOUS.</summary>
    ForceContiguous = 1 << 6,
    /// <summary>ALLOC_SINGLE_PAGES.</summary>
    AllocSinglePages = 1 << 7,
    /// <summary>NO_WARN.</summary>
    NoWarn = 1 << 8,
    /// <summary>PRIVILEGED.</summary>
    Privileged = 1 << 9,
    /// <summary>MMIO.</summary>
    Mmio = 1 << 10,
    /// <summary>CC_DECRYPTED of the seed series (P1); upstream uses the bit for something else.</summary>
    CcDecrypted = 1 << 11,
    /// <summary>REQUIRE_COHERENT (7.1).</summary>
    RequireCoherent = 1 << 12,
    /// <summary>CC_SHARED (P2 and later).</summary>
    CcShared = 1 << 13,
    /// <summary>ALLOC_CC_SHARED (7.3): set by the front end of an allocation, never by a caller (S-DMA-64).</summary>
    AllocCcShared = 1 << 14,
}
