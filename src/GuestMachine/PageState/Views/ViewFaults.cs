using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.PageState.Views;

/// <summary>Words for the faults.</summary>
public static class ViewFaults
{
    private static readonly string[] Names =
    [
        "none",
        "#VC 0x404",
        "#NPF: private access to a shared page",
        "#NPF RMP",
        "#PF RMP (error bit 31)",
        "IOMMU RMP check",
        "DMA address beyond reach",
        "#VE disabled: exit, guest is stuck",
        "EPT violation",
        "#VE or exit for conversion",
        "#MC poison on next read",
        "DMA fault",
        "page not validated or accepted",
        "synchronous external abort",
        "RIPAS DESTROYED: exit, fatal",
        "stage-2 fault: page is not shared",
        "granule protection fault",
        "stage-2 fault of the host",
        "page is exported, integrity lost",
        "#MC: poisoned line",
        "integrity check failed",
    ];

    private static readonly FaultReceiver[] Receivers =
    [
        FaultReceiver.Nobody, FaultReceiver.Guest, FaultReceiver.Hypervisor, FaultReceiver.Vmm, FaultReceiver.Hypervisor,
        FaultReceiver.Iommu, FaultReceiver.Iommu, FaultReceiver.Hypervisor, FaultReceiver.Hypervisor, FaultReceiver.Guest,
        FaultReceiver.Nobody, FaultReceiver.Iommu, FaultReceiver.Iommu, FaultReceiver.Guest, FaultReceiver.Hypervisor,
        FaultReceiver.Hypervisor, FaultReceiver.Hypervisor, FaultReceiver.Hypervisor, FaultReceiver.Nobody, FaultReceiver.Accessor,
        FaultReceiver.Guest,
    ];

    /// <summary>Who gets the fault.</summary>
    public static FaultReceiver ReceiverOf(ViewFault fault) => Receivers[(int)fault];

    /// <summary>
    /// The #NPF error bits that tell it apart (S-SNP-29): 31 RMP violation, 34 private access. 0 where there is no such code.
    /// </summary>
    public static ulong NestedErrorCode(ViewFault fault) => fault switch
    {
        ViewFault.NpfPrivateMismatch => RmpBit | EncryptedBit,
        ViewFault.NpfRmp => RmpBit,
        _ => 0,
    };

    private const ulong RmpBit = 1UL << 31;
    private const ulong EncryptedBit = 1UL << 34;

    /// <summary>Short description, for example <c>#VC 0x404</c>.</summary>
    public static string Describe(ViewFault fault) => Names[(int)fault];
}
