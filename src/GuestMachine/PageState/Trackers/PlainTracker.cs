using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// A guest without memory encryption: a conversion is 0 and does nothing (S-SETM-02), so nothing is counted and every frame keeps the
/// state of boot. The word "private" has no force here; the plain view matrix shows plain text to everybody.
/// </summary>
internal sealed class PlainTracker(PageStateOptions options) : IPageStateTracker
{
    private readonly PageStateMap _map = new(options.Frames);

    public Platform Platform => Platform.None;

    public PageStateMap Map => _map;

    public GuestTermination? Termination => null;

    public ConversionCounters Counters => default;

    public long SharedPagesByKernel => 0;

    public Failure? ConvertToShared(FrameRange range) => Nothing(range);

    public Failure? ConvertToPrivate(FrameRange range) => Nothing(range);

    public void StopConversions()
    {
    }

    public Failure? ChangeByHost(FrameRange range, ConversionDirection direction) => HostActs.CannotChange(Platform);

    public void End(GuestTermination how)
    {
    }

    public PageCondition ConditionOf(ulong frame) => _map.ConditionOf(frame);

    public bool IsShared(ulong frame) => _map.IsShared(frame);

    public PageStateInfo Describe(ulong frame) => new(ConditionOf(frame), false, DirectMapSizeAt(frame), null, null, null);

    public IEnumerable<PageStateRun> Runs(FrameRange range)
    {
        _ = _map.Words(range);
        return RunsOf(range);
    }

    private Failure? Nothing(FrameRange range)
    {
        ArgumentOutOfRangeException.ThrowIfZero(range.Count);
        _ = _map.Words(range);
        return null;
    }

    // The direct map of boot: 1G, then 2M, then 4K for what is left.
    private MappingSize DirectMapSizeAt(ulong frame) =>
        frame < (_map.Frames & ~(LargePages.Frames1G - 1)) ? MappingSize.Size1G
        : frame < (_map.Frames & ~(LargePages.Frames2M - 1)) ? MappingSize.Size2M
        : MappingSize.Size4K;

    private IEnumerable<PageStateRun> RunsOf(FrameRange range)
    {
        ulong[] borders = [_map.Frames & ~(LargePages.Frames1G - 1), _map.Frames & ~(LargePages.Frames2M - 1), _map.Frames];
        ulong at = range.First;
        foreach (ulong border in borders)
        {
            ulong end = Math.Min(border, range.End);
            if (end <= at)
                continue;
            yield return new PageStateRun(new FrameRange(at, end - at), Describe(at));
            at = end;
        }
    }
}
