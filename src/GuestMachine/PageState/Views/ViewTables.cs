using CocoGuest.Machine.Memory;
using static CocoGuest.Machine.Memory.ViewFault;
using static CocoGuest.Machine.PageState.Views.ViewOutcome;

namespace CocoGuest.Machine.PageState.Views;

/// <summary>
/// The data of S-PLAT-10..14: rows as <see cref="ViewAccessor"/>, columns private, shared, private unvalidated as
/// <see cref="PageCondition"/>. SEV has no third column; there it repeats the first.
/// </summary>
internal static class ViewTables
{
    private static readonly ViewCell P = new(Plain, None, false, false);
    private static readonly ViewCell PlainBelieved = P with { Believed = true };
    private static readonly ViewCell C = new(Ciphertext, None, false, false);
    private static readonly ViewCell G = new(Garbled, None, false, false);
    private static readonly ViewCell F = new(AllOnes, None, false, false);
    private static readonly ViewCell Z = new(Zeros, None, false, Believed: true);

    private static readonly ViewCell BeyondReach = FaultOf(DmaBeyondReach, believed: true);
    private static readonly ViewCell NotValidated = FaultOf(VcNotValidated, ends: true);
    private static readonly ViewCell Mismatch = FaultOf(NpfPrivateMismatch, ends: true);
    private static readonly ViewCell NestedRmp = FaultOf(NpfRmp, believed: true);
    private static readonly ViewCell HostFault = FaultOf(HostRmp);
    private static readonly ViewCell Iommu = FaultOf(IommuRmp, believed: true);
    private static readonly ViewCell Trusted = FaultOf(TrustedDevicePage);
    private static readonly ViewCell Stuck = FaultOf(PendingPage, ends: true);
    private static readonly ViewCell Ept = FaultOf(EptViolation, ends: true);
    private static readonly ViewCell Ve = FaultOf(SharedAccessToPrivate);
    private static readonly ViewCell Poison = FaultOf(PoisonedLine);
    private static readonly ViewCell Abort = FaultOf(ExternalAbort);
    private static readonly ViewCell Destroyed = FaultOf(DestroyedGranule, ends: true);
    private static readonly ViewCell Unshared = FaultOf(StageTwoUnshared);
    private static readonly ViewCell Granule = FaultOf(GranuleProtection);
    private static readonly ViewCell HostS2 = FaultOf(HostStageTwo, believed: true);
    private static readonly ViewCell Exported = FaultOf(ExportedPageWritten);
    private static readonly ViewCell Dma = FaultOf(DmaFault, believed: true);

    public static readonly ViewCell[] PlainGuest =
    [
        P, P, P, // guest, private mapping
        P, P, P, // guest, shared mapping
        P, P, P, // host read
        P, P, P, // host write
        P, P, P, // T=0
        P, P, P, // T=0 with C-bit
        P, P, P, // T=1
    ];

    public static readonly ViewCell[] Sev =
    [
        P, G, P,
        C, P, C,
        C, P, C,
        C, P, C,
        C, P, C,
        BeyondReach, BeyondReach, BeyondReach,
        C, P, C,
    ];

    public static readonly ViewCell[] SevSnp =
    [
        P, Mismatch, NotValidated,
        NestedRmp, P, NestedRmp,
        C, P, C,
        HostFault, P, HostFault,
        Iommu, P, Iommu,
        BeyondReach, BeyondReach, BeyondReach,
        PlainBelieved, P, Trusted,
    ];

    public static readonly ViewCell[] SevSnpHiding = [.. SevSnp.Select((cell, index) => index is 6 or 8 ? F : cell)];

    public static readonly ViewCell[] Tdx =
    [
        P, Ept, Stuck,
        Ve, P, Ve,
        Z, P, Z,
        Poison, P, Poison,
        Dma, P, Dma,
        Dma, P, Dma,
        PlainBelieved, P, Trusted,
    ];

    // Of a host that encrypts its own memory "host" is who looks at DRAM from outside; its devices reach it through the C-bit (S-HEAP-44).
    public static readonly ViewCell[] SmeHost =
    [
        P, G, P,
        C, P, C,
        C, P, C,
        C, P, C,
        C, P, C,
        P, G, P,
        C, P, C,
    ];

    // Third column: destroyed. The host has the granule back, scrubbed.
    public static readonly ViewCell[] CcaRealm =
    [
        P, Abort, Destroyed,
        Unshared, P, Unshared,
        Granule, P, Z,
        Granule, P, Granule,
        Dma, P, Dma,
        Dma, P, Dma,
        PlainBelieved, P, Trusted,
    ];

    // The reference has no matrix for it: its pages have one address,
    // and the hypervisor keeps the host out of what is not shared (S-CCA-07).
    public static readonly ViewCell[] Pkvm =
    [
        P, P, P,
        P, P, P,
        HostS2, P, HostS2,
        HostS2, P, HostS2,
        Dma, P, Dma,
        Dma, P, Dma,
        PlainBelieved, P, PlainBelieved,
    ];

    // S-PLAT-14; believed of powerpc, too. One address a page: the guest reads both kinds through any mapping (S-S390-03).
    public static readonly ViewCell[] Ultravisor =
    [
        P, P, P,
        P, P, P,
        C, P, C,
        Exported, P, Exported,
        Dma, P, Dma,
        Dma, P, Dma,
        PlainBelieved, P, PlainBelieved,
    ];

    private static ViewCell FaultOf(ViewFault fault, bool ends = false, bool believed = false) => new(Fault, fault, ends, believed);
}
