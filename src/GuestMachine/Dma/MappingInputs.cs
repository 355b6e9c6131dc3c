namespace CocoGuest.Machine.Dma;

/// <summary>The facts on which a direct mapping is decided (S-DMA, "Decision table of direct mapping").</summary>
[Flags]
public enum MappingInputs
{
    /// <summary>None of them.</summary>
    None = 0,
    /// <summary>FB: forced bounce for this device.</summary>
    ForcedBounce = 1 << 0,
    /// <summary>CC: the kernel's shared attribute is present.</summary>
    CcShared = 1 << 1,
    /// <summary>MMIO attribute.</summary>
    Mmio = 1 << 2,
    /// <summary>RC: REQUIRE_COHERENT attribute.</summary>
    RequireCoherent = 1 << 3,
    /// <summary>SA: swiotlb is active for the device.</summary>
    SwiotlbActive = 1 << 4,
    /// <summary>KB: small unaligned kmalloc buffer on a non-coherent device; never on x86.</summary>
    KmallocBounce = 1 << 5,
    /// <summary>The kernel is an encrypting host.</summary>
    HostMemEncrypt = 1 << 6,
    /// <summary>The device reaches the plain physical address.</summary>
    CapablePhys = 1 << 7,
    /// <summary>The device reaches the private form.</summary>
    CapablePrivate = 1 << 8,
    /// <summary>The device reaches the unencrypted form.</summary>
    CapableUnencrypted = 1 << 9,
    /// <summary>The device reaches the form that CC selects: derived from the two bits before, never given.</summary>
    CapableChosen = 1 << 10,
}
