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
    ];

    /// <summary>Short description, for example <c>#VC 0x404</c>.</summary>
    public static string Describe(ViewFault fault) => Names[(int)fault];
}
