namespace CocoGuest.Machine.Diagnostics;

/// <summary>
/// Places where a fault can be injected. The first two are the kernel's own (their names are those of its debugfs folders); the others are
/// this emulator's (S-SETM-26), the last three of them acts of a hostile host.
/// </summary>
public enum FaultPoint
{
    /// <summary>A small allocation of the kernel: tables, files, attachments (ENOMEM).</summary>
    Failslab = 0,

    /// <summary>A page allocation (ENOMEM, or the next smaller order where one is tried).</summary>
    FailPageAlloc = 1,

    /// <summary><c>set_memory_decrypted</c> of one chunk returns the errno of the fault.</summary>
    FailDecrypt = 2,

    /// <summary><c>set_memory_encrypted</c> of one chunk returns the errno of the fault.</summary>
    FailEncrypt = 3,

    /// <summary>No page-table page for a split of the direct map (S-SETM-13).</summary>
    FailSplit = 4,

    /// <summary>The VMM refuses a hypercall (EINVAL), see S-TDX-15 and S-SNP-38 for what follows.</summary>
    FailMapGpa = 5,

    /// <summary>The VMM asks to retry a hypercall (EAGAIN), see S-TDX-15.</summary>
    RetryMapGpa = 6,

    /// <summary>No slot range for a bounce buffer: "swiotlb buffer is full".</summary>
    FailSwiotlb = 7,

    /// <summary>No free fd number (EMFILE).</summary>
    FailFd = 8,

    /// <summary>SNP: a PVALIDATE finds an entry of another size (code 6); what Linux does then is S-SNP-11.</summary>
    PvalidateSizeMismatch = 9,

    /// <summary>SNP: a PVALIDATE finds the entry in that state already (carry flag), which ends the guest (S-SNP-11, 12).</summary>
    PvalidateNoChange = 10,

    /// <summary>
    /// The host keeps what it sees of the private pages that a process is about to store to, and writes it back afterwards: old text on SEV
    /// (S-ENC-02), a host fault on SNP (S-SNP-06), poisoned lines on TDX (S-PLAT-12).
    /// </summary>
    ReplayCiphertext = 11,
}
