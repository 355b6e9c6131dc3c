using static CocoGuest.Machine.Dma.MappingInputs;

namespace CocoGuest.Machine.Dma;

/// <summary>The direct-mapping tables of all profiles, row for row as the reference has them.</summary>
public static class DirectMappingTables
{
    /// <summary>6.12: as P0, but resources are mapped without a look at forced bouncing (S-DMA-46).</summary>
    public static DirectMappingTable V612 { get; } = new(
        "6.12",
        "S-DMA-30, S-DMA-46",
        new(1, Mmio | CapablePhys, MappingAction.Phys),
        new(2, Mmio, MappingAction.WarnPhys),
        new(3, ForcedBounce, MappingAction.Swiotlb),
        new(4, CapablePrivate, MappingAction.Private, Not: KmallocBounce),
        new(5, SwiotlbActive, MappingAction.Swiotlb),
        new(6, None, MappingAction.WarnPrivate));

    /// <summary>P0: 6.19 (S-DMA-30).</summary>
    public static DirectMappingTable P0 { get; } = new(
        "P0",
        "S-DMA-30",
        new(1, ForcedBounce | Mmio, MappingAction.WarnUninitialised),
        new(2, ForcedBounce, MappingAction.Swiotlb),
        new(3, Mmio | CapablePhys, MappingAction.Phys),
        new(4, Mmio, MappingAction.WarnPhys),
        new(5, CapablePrivate, MappingAction.Private, Not: KmallocBounce),
        new(6, SwiotlbActive, MappingAction.Swiotlb),
        new(7, None, MappingAction.WarnPrivate));

    /// <summary>P1: the seed series (S-DMA-31).</summary>
    public static DirectMappingTable P1 { get; } = new(
        "P1",
        "S-DMA-31",
        new(1, ForcedBounce | Mmio, MappingAction.SilentError, Not: CcShared),
        new(2, ForcedBounce, MappingAction.Swiotlb, Not: CcShared),
        new(3, CcShared, MappingAction.SilentError, Not: ForcedBounce),
        new(4, Mmio | CapablePhys, MappingAction.Phys),
        new(5, Mmio, MappingAction.WarnPhys),
        new(6, CcShared | CapableUnencrypted, MappingAction.Unencrypted),
        new(7, CcShared, MappingAction.WarnUnencrypted),
        new(8, CapablePrivate, MappingAction.Private, Not: KmallocBounce),
        new(9, SwiotlbActive, MappingAction.Swiotlb),
        new(10, None, MappingAction.WarnPrivate));

    /// <summary>P2 and P2b: 7.1 and 7.2 (S-DMA-32).</summary>
    public static DirectMappingTable P2 { get; } = new(
        "P2, P2b",
        "S-DMA-32",
        new(1, ForcedBounce, MappingAction.SilentError, Not: CcShared, Any: Mmio | RequireCoherent),
        new(2, ForcedBounce, MappingAction.Swiotlb, Not: CcShared),
        new(3, CcShared, MappingAction.SilentError, Not: ForcedBounce),
        new(4, Mmio | CapablePhys, MappingAction.Phys),
        new(5, Mmio, MappingAction.WarnPhys),
        new(6, CcShared | CapableUnencrypted, MappingAction.Unencrypted),
        new(7, CcShared, MappingAction.WarnUnencrypted),
        new(8, CapablePrivate, MappingAction.Private, Not: KmallocBounce),
        new(9, SwiotlbActive, MappingAction.Swiotlb, Not: RequireCoherent),
        new(10, None, MappingAction.WarnPrivate));

    /// <summary>P3: 7.3 (S-DMA-33); also every T=1 device in every profile (S-DMA-82).</summary>
    public static DirectMappingTable P3 { get; } = new(
        "P3",
        "S-DMA-33",
        new(0, Mmio | HostMemEncrypt, MappingAction.AddCcShared),
        new(1, ForcedBounce, MappingAction.SilentError, Any: Mmio | RequireCoherent),
        new(2, ForcedBounce, MappingAction.Swiotlb),
        new(3, None, MappingAction.ChooseAddress),
        new(4, Mmio | CapableChosen, MappingAction.Chosen),
        new(5, Mmio, MappingAction.WarnChosen),
        new(6, CapableChosen, MappingAction.Chosen, Not: KmallocBounce),
        new(7, SwiotlbActive, MappingAction.Swiotlb, Not: RequireCoherent),
        new(8, None, MappingAction.WarnChosen));

    /// <summary>All of them in order of age.</summary>
    public static IReadOnlyList<DirectMappingTable> All { get; } = [V612, P0, P1, P2, P3];
}
