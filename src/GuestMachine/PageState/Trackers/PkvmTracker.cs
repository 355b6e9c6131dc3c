using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// arm64 protected KVM guest: one share or unshare call a page; the first refusal is EPERM and the pages before it stay converted. No page
/// table and no DMA address changes (S-CCA-07).
/// </summary>
internal sealed class PkvmTracker(PageStateOptions options) : CallTracker(options)
{
    protected override Failure? Call(FrameRange range, ConversionDirection direction)
    {
        VmmReply reply = CallPageByPage(range, direction);
        if (reply.Answer == VmmAnswer.Ok)
        {
            Believe(range, direction);
            return null;
        }

        FrameRange done = reply.DoneOf(range);
        Believe(done, direction);
        string call = direction == ConversionDirection.ToShared ? "share" : "unshare";
        return new Failure(Errno.EPERM, Operation(direction), call,
            $"The hypervisor refused to {call} 0x{Page.AddressOf(done.End):x} (S-CCA-07).");
    }
}
