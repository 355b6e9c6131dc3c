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

    /// <summary>
    /// arm64, s390 and powerpc: calls that change pages (RSI_IPA_STATE_SET, share and unshare, ultravisor), refused ones included.
    /// </summary>
    public ulong PlatformCalls { get; internal set; }

    /// <summary>Guest time that the VMM took for its exits, in nanoseconds; 0 unless a policy says so.</summary>
    public ulong HypervisorNanoseconds { get; internal set; }

    /// <summary>TLB flushes of S-SETM-10 steps 2 and 5.</summary>
    public ulong TlbFlushes { get; internal set; }

    /// <summary>Flushes of step 2 that took the caches along (S-SETM-12).</summary>
    public ulong CacheFlushes { get; internal set; }

    /// <summary>The cost of what happened between two snapshots.</summary>
    public static ConversionCounters operator -(ConversionCounters after, ConversionCounters before) => new()
    {
        ConversionsToShared = after.ConversionsToShared - before.ConversionsToShared,
        ConversionsToPrivate = after.ConversionsToPrivate - before.ConversionsToPrivate,
        FailedConversions = after.FailedConversions - before.FailedConversions,
        PagesToShared = after.PagesToShared - before.PagesToShared,
        PagesToPrivate = after.PagesToPrivate - before.PagesToPrivate,
        HypervisorExits = after.HypervisorExits - before.HypervisorExits,
        PscBatches = after.PscBatches - before.PscBatches,
        Pvalidates = after.Pvalidates - before.Pvalidates,
        PvalidateSizeMismatches = after.PvalidateSizeMismatches - before.PvalidateSizeMismatches,
        MapGpaCalls = after.MapGpaCalls - before.MapGpaCalls,
        AcceptCalls = after.AcceptCalls - before.AcceptCalls,
        PagesAccepted = after.PagesAccepted - before.PagesAccepted,
        RmpSplits = after.RmpSplits - before.RmpSplits,
        SeptSplits = after.SeptSplits - before.SeptSplits,
        DirectMapSplits = after.DirectMapSplits - before.DirectMapSplits,
        PlatformCalls = after.PlatformCalls - before.PlatformCalls,
        HypervisorNanoseconds = after.HypervisorNanoseconds - before.HypervisorNanoseconds,
        TlbFlushes = after.TlbFlushes - before.TlbFlushes,
        CacheFlushes = after.CacheFlushes - before.CacheFlushes,
    };

    /// <summary>The cost of two things together.</summary>
    public static ConversionCounters operator +(ConversionCounters one, ConversionCounters other) => new()
    {
        ConversionsToShared = one.ConversionsToShared + other.ConversionsToShared,
        ConversionsToPrivate = one.ConversionsToPrivate + other.ConversionsToPrivate,
        FailedConversions = one.FailedConversions + other.FailedConversions,
        PagesToShared = one.PagesToShared + other.PagesToShared,
        PagesToPrivate = one.PagesToPrivate + other.PagesToPrivate,
        HypervisorExits = one.HypervisorExits + other.HypervisorExits,
        PscBatches = one.PscBatches + other.PscBatches,
        Pvalidates = one.Pvalidates + other.Pvalidates,
        PvalidateSizeMismatches = one.PvalidateSizeMismatches + other.PvalidateSizeMismatches,
        MapGpaCalls = one.MapGpaCalls + other.MapGpaCalls,
        AcceptCalls = one.AcceptCalls + other.AcceptCalls,
        PagesAccepted = one.PagesAccepted + other.PagesAccepted,
        RmpSplits = one.RmpSplits + other.RmpSplits,
        SeptSplits = one.SeptSplits + other.SeptSplits,
        DirectMapSplits = one.DirectMapSplits + other.DirectMapSplits,
        PlatformCalls = one.PlatformCalls + other.PlatformCalls,
        HypervisorNanoseconds = one.HypervisorNanoseconds + other.HypervisorNanoseconds,
        TlbFlushes = one.TlbFlushes + other.TlbFlushes,
        CacheFlushes = one.CacheFlushes + other.CacheFlushes,
    };

    /// <summary>As the operator.</summary>
    public static ConversionCounters Subtract(ConversionCounters after, ConversionCounters before) => after - before;

    /// <summary>As the operator.</summary>
    public static ConversionCounters Add(ConversionCounters one, ConversionCounters other) => one + other;
}
