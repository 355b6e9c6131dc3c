namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>Why one mapping gave <c>DMA_MAPPING_ERROR</c>. The kernel's caller cannot tell them apart; people want to.</summary>
internal enum DmaMapError
{
    None = 0,
    /// <summary>Device without mask.</summary>
    NoMask,
    /// <summary>REQUIRE_COHERENT on a device that is not.</summary>
    NotCoherent,
    /// <summary>A row "ERROR, silent".</summary>
    Refused,
    /// <summary>A row "Warn": the address is out of reach.</summary>
    Overflow,
    /// <summary>S-SWI-31.</summary>
    NoPool,
    /// <summary>S-SWI-80.</summary>
    PoolKind,
    /// <summary>S-SWI-33.</summary>
    PoolFull,
    /// <summary>S-SWI-30 (5).</summary>
    BounceOverflow,
}
