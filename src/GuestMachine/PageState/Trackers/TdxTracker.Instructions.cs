using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState.Wire;

namespace CocoGuest.Machine.PageState.Trackers;

/// <content>The call to accept by itself: what a guest gets that makes it past its kernel.</content>
internal sealed partial class TdxTracker
{
    /// <summary>TDG.MEM.PAGE.ACCEPT of one entry inside the guest, aligned to its size (S-TDX-06, 08).</summary>
    /// <returns>The result code.</returns>
    public uint AcceptPage(FrameRange entry, MappingSize level)
    {
        Tally.AcceptCalls++;
        if (Map.IsShared(entry.First))
        {
            return TdxAccept.EntryFree;
        }

        // The SEPT has no entries of 1 GiB.
        bool split = _split[LargePages.RegionOf(entry.First)];
        if (level == MappingSize.Size1G || (level == MappingSize.Size2M) == split)
        {
            return TdxAccept.SizeMismatch;
        }

        Span<byte> words = Map.Words(entry);
        if ((words[0] & StateMask) != Pending)
        {
            return TdxAccept.AlreadyAccepted;
        }

        WordBits.Change(words, 0, PageWord.Unvalidated);
        Tally.PagesAccepted += entry.Count;
        return TdxAccept.Success;
    }
}
