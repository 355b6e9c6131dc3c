namespace CocoGuest.Machine.Profiles;

/// <summary>The confidential-computing platform that a guest runs on. This version models four of S-DMA-10's rows.</summary>
public enum Platform
{
    /// <summary>A plain guest without memory encryption.</summary>
    None = 0,
    /// <summary>AMD SEV: encrypted memory, no page state enforced by the hypervisor (S-SEV).</summary>
    Sev = 1,
    /// <summary>AMD SEV-SNP with C-bit: reverse map table, PVALIDATE and page state change (S-SNP).</summary>
    SevSnp = 2,
    /// <summary>Intel TDX: secure EPT, MapGPA and accept (S-TDX).</summary>
    Tdx = 3,

    /// <summary>
    /// The platform of the recorded runs: it claims encryption and only counts conversions (docs/reference/recorded.md). Not served: it is for
    /// replaying recordings.
    /// </summary>
    Lab = 4,
}
