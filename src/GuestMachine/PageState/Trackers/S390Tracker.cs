using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// s390 protected guest: "set shared access" and "remove shared access" of the ultravisor, one page a call. A refused call panics the
/// guest, so a conversion returns 0 or never (S-S390-01, 02). No page table and no DMA address changes (S-S390-03).
/// </summary>
internal sealed class S390Tracker(PageStateOptions options) : CallTracker(options)
{
    protected override Failure? Call(FrameRange range, ConversionDirection direction)
    {
        VmmReply reply = CallPageByPage(range, direction);
        FrameRange done = reply.DoneOf(range);
        Believe(reply.Answer == VmmAnswer.Ok ? range : done, direction);
        if (reply.Answer == VmmAnswer.Ok)
        {
            return null;
        }

        string call = direction == ConversionDirection.ToShared ? "share" : "unshare";
        End(GuestTermination.Of(TerminationKind.Panic, $"the ultravisor refused to {call} 0x{Page.AddressOf(done.End):x} (S-S390-02)."));
        return Terminated(direction);
    }
}
