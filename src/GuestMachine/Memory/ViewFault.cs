namespace CocoGuest.Machine.Memory;

/// <summary>The events that stand in for data.</summary>
public enum ViewFault
{
    /// <summary>No fault.</summary>
    None = 0,
    /// <summary>SNP: #VC with code 0x404, private access to a page not validated (S-SNP-13).</summary>
    VcNotValidated = 1,
    /// <summary>SNP: #NPF to the host, private access to a page that it has as shared.</summary>
    NpfPrivateMismatch = 2,
    /// <summary>SNP: #NPF, RMP violation, exit to the VMM with a memory fault.</summary>
    NpfRmp = 3,
    /// <summary>SNP: #PF in the host with error bit 31 (S-SNP-06).</summary>
    HostRmp = 4,
    /// <summary>SNP: the IOMMU's RMP check; no data moves.</summary>
    IommuRmp = 5,
    /// <summary>SEV, SNP: DMA address beyond reach.</summary>
    DmaBeyondReach = 6,
    /// <summary>TDX: #VE for a pending page, disabled by Linux, so an exit to the host (S-TDX-11).</summary>
    PendingPage = 7,
    /// <summary>TDX: EPT violation that the guest cannot repair (S-TDX-12).</summary>
    EptViolation = 8,
    /// <summary>TDX: #VE, or exit for an implicit conversion (S-TDX-12).</summary>
    SharedAccessToPrivate = 9,
    /// <summary>TDX: the write goes through and poisons the line; the next read by anybody is a machine check (S-ENC-05).</summary>
    PoisonedLine = 10,
    /// <summary>TDX: DMA fault.</summary>
    DmaFault = 11,
    /// <summary>SNP, TDX: a trusted device meets a page not validated or not accepted.</summary>
    TrustedDevicePage = 12,
    /// <summary>Realm: synchronous external abort, a protected access to a granule that is not the realm's (S-PLAT-13).</summary>
    ExternalAbort = 13,
    /// <summary>Realm: protected access to a destroyed granule, an exit that ends the realm (S-PLAT-13).</summary>
    DestroyedGranule = 14,
    /// <summary>Realm: stage-2 fault to the host, access to the unprotected alias of a page that is not shared (S-PLAT-13).</summary>
    StageTwoUnshared = 15,
    /// <summary>Realm: granule protection fault of the host (S-PLAT-13).</summary>
    GranuleProtection = 16,
    /// <summary>Protected KVM guest: stage-2 fault of the host itself.</summary>
    HostStageTwo = 17,
    /// <summary>
    /// s390, powerpc: the page was exported and then written; the guest's next access fails the integrity check (S-PLAT-14).
    /// </summary>
    ExportedPageWritten = 18,
    /// <summary>A machine check: somebody reads a poisoned line (S-PLAT-12, S-ENC-05).</summary>
    MachineCheck = 19,
    /// <summary>s390, powerpc: the integrity check of a page that was written while exported (S-PLAT-14).</summary>
    IntegrityCheck = 20,
}
