using static CocoGuest.Machine.PageState.Views.ViewFault;
using static CocoGuest.Machine.PageState.Views.ViewOutcome;

namespace CocoGuest.Machine.PageState.Views;

/// <summary>
/// The data of S-PLAT-10..12: rows as <see cref="ViewAccessor"/>, columns private, shared, private unvalidated as
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

    private static ViewCell FaultOf(ViewFault fault, bool ends = false, bool believed = false) => new(Fault, fault, ends, believed);
}
