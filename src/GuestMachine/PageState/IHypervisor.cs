namespace CocoGuest.Machine.PageState;

/// <summary>
/// The seam to the host: KVM's set-up and its user-space VMM. One per guest, called from inside a conversion, so it must not start
/// conversions itself.
/// </summary>
public interface IHypervisor
{
    /// <summary>True when the VMM has enabled user-space exits for hypercall 12. Without, SNP guests terminate and TDX gets EIO.</summary>
    bool MapGpaRangeExits { get; }

    /// <summary>
    /// SNP: true when the VMM drops the old backing of a converted page (S-SNP-32). False leaves the old private page assigned, and its
    /// contents come back with it.
    /// </summary>
    bool DiscardsOldBacking { get; }

    /// <summary>TDX: true when an event waits for the vCPU; asked after each MapGPA piece that is not the last (S-TDX-15).</summary>
    bool EventPending { get; }

    /// <summary>Handles the exit: what is answered, and how much of the range has the new state.</summary>
    VmmReply Convert(in VmmExit exit);
}
