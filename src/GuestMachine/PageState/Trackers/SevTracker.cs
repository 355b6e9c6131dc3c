using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// SEV and SEV-ES: the C-bit in the guest's page table is the whole state (S-SEV-01), the hypercall only news for the host (S-SEV-06).
/// A double conversion is harmless (S-SYS-24).
/// </summary>
internal class SevTracker(PageStateOptions options, bool migrationControl = true) : AmdTracker(options, migrationControl)
{
    public override void WriteEntries(FrameRange range, ConversionDirection direction)
    {
        const byte Both = PageWord.PteShared | PageWord.Shared;
        if (direction == ConversionDirection.ToShared)
            Map.Flip(range, direction, Both, 0, Observer);
        else
            Map.Flip(range, direction, 0, Both, Observer);
    }

    protected override Failure? Prepare(FrameRange range, ConversionDirection direction) => null;

    protected override void HostTold(FrameRange entries, ConversionDirection direction)
    {
        Span<byte> words = Map.Words(entries);
        if (direction == ConversionDirection.ToShared)
            WordBits.Change(words, PageWord.HostTold | PageWord.ToldShared, 0);
        else
            WordBits.Change(words, PageWord.HostTold, PageWord.ToldShared);
    }

    protected override PageStateInfo Describe(ulong frame, byte word, PageStateInfo common) => common with
    {
        Sev = (word & PageWord.HostTold) == 0 ? SevHostKnowledge.Unknown
            : (word & PageWord.ToldShared) != 0 ? SevHostKnowledge.ToldShared
            : SevHostKnowledge.ToldPrivate,
    };

    protected override int HostEntrySizeAt(ulong frame) => 0;
}
