using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// powerpc secure guest: one page-share or page-unshare call for the whole range, whose result nobody looks at (S-PPC-01). So after a
/// refused call the guest believes what is not so.
/// </summary>
internal sealed class PowerTracker(PageStateOptions options) : CallTracker(options)
{
    protected override Failure? Call(FrameRange range, ConversionDirection direction)
    {
        Tally.PlatformCalls++;
        Tally.HypervisorExits++;
        Move(Ask(range, direction, 1).DoneOf(range), direction);
        Believe(range, direction);
        return null;
    }
}
