namespace CocoGuest.Machine.PageState.Views;

/// <summary>Who reaches for a page: the rows of the view matrices S-PLAT-10..14.</summary>
public enum ViewAccessor
{
    /// <summary>The guest through a private mapping (C-bit set; shared bit clear).</summary>
    GuestPrivateMapping = 0,
    /// <summary>The guest through a shared mapping (C-bit clear; shared bit set).</summary>
    GuestSharedMapping = 1,
    /// <summary>The host CPU reads.</summary>
    HostRead = 2,
    /// <summary>The host CPU writes.</summary>
    HostWrite = 3,
    /// <summary>An ordinary (T=0) device, DMA address without C-bit.</summary>
    DeviceT0 = 4,
    /// <summary>An ordinary (T=0) device, DMA address with the C-bit; as <see cref="DeviceT0"/> where there is no C-bit.</summary>
    DeviceT0WithCBit = 5,
    /// <summary>A trusted (T=1) device. Before SNP there is none: as <see cref="DeviceT0"/>.</summary>
    DeviceT1 = 6,
}
