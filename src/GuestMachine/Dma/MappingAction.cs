namespace CocoGuest.Machine.Dma;

/// <summary>What a row of a direct-mapping table does. The first two go on with the next row, the others end.</summary>
public enum MappingAction
{
    /// <summary>CC is added to the attributes; the next rows see it.</summary>
    AddCcShared = 0,
    /// <summary>The address is chosen: unencrypted with CC, else private.</summary>
    ChooseAddress = 1,
    /// <summary>The physical address as it is.</summary>
    Phys = 2,
    /// <summary>The private form.</summary>
    Private = 3,
    /// <summary>The unencrypted form.</summary>
    Unencrypted = 4,
    /// <summary>The form chosen before.</summary>
    Chosen = 5,
    /// <summary>swiotlb map.</summary>
    Swiotlb = 6,
    /// <summary>ERROR without a word.</summary>
    SilentError = 7,
    /// <summary>One-time overflow warning about the physical address, ERROR.</summary>
    WarnPhys = 8,
    /// <summary>One-time overflow warning about the private form, ERROR.</summary>
    WarnPrivate = 9,
    /// <summary>One-time overflow warning about the unencrypted form, ERROR.</summary>
    WarnUnencrypted = 10,
    /// <summary>One-time overflow warning about the chosen form, ERROR.</summary>
    WarnChosen = 11,
    /// <summary>One-time overflow warning that prints an uninitialised address, ERROR (S-DMA-37).</summary>
    WarnUninitialised = 12,
}
