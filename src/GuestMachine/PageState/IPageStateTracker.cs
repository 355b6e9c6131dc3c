using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState;

/// <summary>
/// Page states of one guest: <c>set_memory_decrypted</c> and <c>set_memory_encrypted</c> with everything that hangs on them.
/// <para>Models: the x86 sequence S-SETM-10..13 with its order and failures (S-SETM-20..25), SEV's C-bit and hypercall (S-SEV), SNP's
/// RMP, PVALIDATE and page state change (S-SNP-01..40), TDX's SEPT, MapGPA and accept (S-TDX-01..15), the calls of arm64, s390 and powerpc
/// (S-CCA, S-S390, S-PPC, S-SETM-41..44), boot state (S-PLAT-03).</para>
/// <para>Does not model: addresses that are not page-aligned (a range is whole frames), contents (see
/// <see cref="ContentsAfterConversion"/>), SVSM, answers of a VMM that make KVM_RUN fail, page faults that are no conversion.</para>
/// <para>Conversions of one guest must not run at the same time; the look-ups may run beside one and see each frame in a state it really
/// goes through.</para>
/// </summary>
public interface IPageStateTracker
{
    /// <summary>The platform.</summary>
    Platform Platform { get; }

    /// <summary>The states by frame, for look-ups on hot paths.</summary>
    PageStateMap Map { get; }

    /// <summary>How the guest ended itself, or null while it runs (S-SNP-37).</summary>
    GuestTermination? Termination { get; }

    /// <summary>What conversions have cost so far.</summary>
    ConversionCounters Counters { get; }

    /// <summary>
    /// TDX: the kernel's counter of shared pages, moved by each successful call without regard to the state before, so it may go
    /// negative (S-SETM-21). 0 elsewhere.
    /// </summary>
    long SharedPagesByKernel { get; }

    /// <summary><c>set_memory_decrypted</c> over one chunk (S-SETM-10). A range outside the guest or empty is misuse.</summary>
    /// <returns>
    /// Null, or: EBUSY after <see cref="StopConversions"/>; ENOMEM no page table for a split; EIO from TDX; an injected errno;
    /// EOWNERDEAD when the guest terminated in this call or before. Nothing is rolled back (S-SETM-11).
    /// </returns>
    Failure? ConvertToShared(FrameRange range);

    /// <summary><c>set_memory_encrypted</c> over one chunk; as <see cref="ConvertToShared"/>.</summary>
    Failure? ConvertToPrivate(FrameRange range);

    /// <summary>A kexec begins: from now on every conversion gets EBUSY (S-SETM-03). A plain guest does not care.</summary>
    void StopConversions();

    /// <summary>
    /// The host changes pages behind the guest's back: RMPUPDATE (SNP), SEPT (TDX), destroying (realm). What the guest believes stays.
    /// </summary>
    /// <returns>EOPNOTSUPP where the host has no page states to change; EFAULT for an immutable RMP entry.</returns>
    Failure? ChangeByHost(FrameRange range, ConversionDirection direction);

    /// <summary>Ends the guest for a reason outside conversions: an access that it does not survive. The first end stays.</summary>
    void End(GuestTermination how);

    /// <summary>Column of the view matrix for the frame.</summary>
    PageCondition ConditionOf(ulong frame);

    /// <summary>True when the frame's condition is Shared.</summary>
    bool IsShared(ulong frame);

    /// <summary>Everything known of the frame.</summary>
    PageStateInfo Describe(ulong frame);

    /// <summary>The states of a range, equal neighbours merged, in ascending order. Do not convert while enumerating.</summary>
    IEnumerable<PageStateRun> Runs(FrameRange range);
}
