namespace CocoGuest.Machine.PageState;

/// <summary>
/// What the user-space VMM answers to a hypercall 12 exit. Only the three answers that KVM passes on (S-SNP-38, S-TDX-15); any other
/// makes KVM_RUN itself fail, which is not modelled.
/// </summary>
public enum VmmAnswer
{
    /// <summary>Done.</summary>
    Ok = 0,
    /// <summary>EAGAIN. TDX: the guest is told to retry from this piece. Realm: the call went as far as it was done. SNP: generic error.
    /// pKVM: EPERM. s390: panic. SEV, powerpc: ignored.</summary>
    Again = 1,
    /// <summary>EINVAL: refused. TDX: invalid operand. Realm: EINVAL. Others as EAGAIN.</summary>
    Invalid = 2,
}
