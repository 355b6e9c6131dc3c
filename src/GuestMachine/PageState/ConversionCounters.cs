namespace CocoGuest.Machine.PageState;

/// <summary>
/// What conversions have cost a guest since its boot, in calls, exits, instructions and pages of 4 KiB. A copy is a snapshot.
/// </summary>
public record struct ConversionCounters
{
    /// <summary>Calls of <c>set_memory_decrypted</c> that got past the kexec lock, failed ones included.</summary>
    public ulong ConversionsToShared { get; internal set; }

    /// <summary>Calls of <c>set_memory_encrypted</c> that got past the kexec lock, failed ones included.</summary>
    public ulong ConversionsToPrivate { get; internal set; }

    /// <summary>Calls that returned an errno or ended the guest (EBUSY and calls to a terminated guest are not counted).</summary>
    public ulong FailedConversions { get; internal set; }

    /// <summary>Pages of all successful calls to shared.</summary>
    public ulong PagesToShared { get; internal set; }

    /// <summary>Pages of all successful calls to private.</summary>
    public ulong PagesToPrivate { get; internal set; }

    /// <summary>Hypercalls 12 as the VMM sees them: one per SEV page-table entry (S-SETM-25), merged PSC range, MapGPA piece.</summary>
    public ulong HypervisorExits { get; internal set; }

    /// <summary>SNP: page-state-change requests of at most 64 entries (S-SNP-23).</summary>
    public ulong PscBatches { get; internal set; }

    /// <summary>SNP: PVALIDATE instructions, the ones that ended in a size mismatch included (S-SNP-10).</summary>
    public ulong Pvalidates { get; internal set; }

    /// <summary>SNP: PVALIDATEs of 2 MiB that met 4 KiB entries and were repeated as 512 single ones (S-SNP-11).</summary>
    public ulong PvalidateSizeMismatches { get; internal set; }

    /// <summary>TDX: MapGPA hypercalls, retries included (S-TDX-04).</summary>
    public ulong MapGpaCalls { get; internal set; }

    /// <summary>TDX: accept calls of any size, unsuccessful ones included (S-TDX-06).</summary>
    public ulong AcceptCalls { get; internal set; }

    /// <summary>TDX: pages that an accept call accepted.</summary>
    public ulong PagesAccepted { get; internal set; }

    /// <summary>SNP: 2 MiB RMP entries broken up by PSMASH (S-SNP-05).</summary>
    public ulong RmpSplits { get; internal set; }

    /// <summary>TDX: present 2 MiB SEPT entries broken up (S-PLAT-04).</summary>
    public ulong SeptSplits { get; internal set; }

    /// <summary>Direct-map entries broken up, a 1 GiB and a 2 MiB one counting one each (S-SETM-10 step 4).</summary>
    public ulong DirectMapSplits { get; internal set; }

    /// <summary>arm64, s390 and powerpc: calls that change pages (RSI_IPA_STATE_SET, share and unshare, ultravisor), refused ones included.</summary>
    public ulong PlatformCalls { get; internal set; }

    /// <summary>Guest time that the VMM took for its exits, in nanoseconds; 0 unless a policy says so.</summary>
    public ulong HypervisorNanoseconds { get; internal set; }

    /// <summary>TLB flushes of S-SETM-10 steps 2 and 5.</summary>
    public ulong TlbFlushes { get; internal set; }

    /// <summary>Flushes of step 2 that took the caches along (S-SETM-12).</summary>
    public ulong CacheFlushes { get; internal set; }
}
