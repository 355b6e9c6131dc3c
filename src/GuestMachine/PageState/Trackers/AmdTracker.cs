using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// What SEV and SNP have in common: flushes, and the hypercall that tells KVM of a change (S-SEV-03, S-SETM-20, S-SETM-25).
/// </summary>
internal abstract class AmdTracker(PageStateOptions options, bool migrationControl) : EncryptedTracker(options)
{
    private readonly bool _coherent = options.CoherentAcrossCBit;
    private readonly bool _migrationControl = options.MigrationControl ?? migrationControl;

    protected override (bool Tlb, bool Cache) FlushesBefore(ConversionDirection direction) => (true, !_coherent);

    protected override Failure? Finish(FrameRange range, ConversionDirection direction)
    {
        if (_migrationControl)
            TellKvm(range, direction);
        return null;
    }

    /// <summary>The host has taken note of the frames.</summary>
    protected abstract void HostTold(FrameRange entries, ConversionDirection direction);

    // One hypercall per page-table entry met, for the whole entry even where the range covers a part, always with the 4K attribute.
    // Entries of one size go to the VMM as one run; what it answers, the guest ignores.
    private void TellKvm(FrameRange range, ConversionDirection direction)
    {
        for (ulong at = range.First; at < range.End;)
        {
            (FrameRange entries, MappingSize size) = DirectMapEntries.EntriesAt(new FrameRange(at, range.End - at));
            ulong calls = entries.Count / LargePages.FramesOf(size);
            Tally.HypervisorExits += calls;
            if (Hypervisor.MapGpaRangeExits)
                HostTold(Ask(new VmmExit(entries, direction, MappingSize.Size4K, calls)).DoneOf(entries), direction);
            at = entries.End;
        }
    }
}
