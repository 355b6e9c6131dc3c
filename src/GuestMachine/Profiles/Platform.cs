namespace CocoGuest.Machine.Profiles;

/// <summary>The confidential-computing platform that a guest runs on: the rows of S-DMA-10.</summary>
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
    /// The platform of the recorded runs: it claims encryption and only counts conversions (docs/reference/recorded.md). Not served: it is
    /// for replaying recordings.
    /// </summary>
    Lab = 4,

    /// <summary>AMD SEV-ES: as SEV, with encrypted register state (S-SEV).</summary>
    SevEs = 5,

    /// <summary>AMD SEV-SNP with vTOM: private below the top bit, no C-bit in DMA addresses (S-DMA-10, 12).</summary>
    SevSnpVtom = 6,

    /// <summary>An AMD host that encrypts its own memory: no hypervisor to tell, devices reach it through the C-bit (S-HEAP-44).</summary>
    SmeHost = 7,

    /// <summary>Arm CCA realm: RIPAS and the unprotected alias (S-CCA-01 to 06).</summary>
    CcaRealm = 8,

    /// <summary>arm64 protected KVM guest: share and unshare calls page by page (S-CCA-07).</summary>
    Pkvm = 9,

    /// <summary>s390 protected guest (Secure Execution): ultravisor calls page by page (S-S390).</summary>
    S390 = 10,

    /// <summary>powerpc secure guest (SVM): one ultravisor call a range (S-PPC).</summary>
    PowerSvm = 11,
}
