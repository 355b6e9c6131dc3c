using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// A tracker that tells what each operation changed, run by run, while somebody watches: also of failed ones, and of what no look at the
/// two sides alone would show, such as a page that lost its validation. Unwatched it only passes calls on.
/// </summary>
/// <param name="inner">The platform's tracker.</param>
/// <param name="watched">Whether to look at states before and after.</param>
/// <param name="tell">Told of each run that changed, in ascending order.</param>
internal sealed class WatchedTracker(IPageStateTracker inner, Func<bool> watched, Action<PageStateChange> tell) : IPageStateTracker
{
    // Made once: every shared buffer is converted twice.
    private readonly Func<FrameRange, Failure?> _toShared = inner.ConvertToShared;
    private readonly Func<FrameRange, Failure?> _toPrivate = inner.ConvertToPrivate;

    public Platform Platform => inner.Platform;

    public PageStateMap Map => inner.Map;

    public GuestTermination? Termination => inner.Termination;

    public ConversionCounters Counters => inner.Counters;

    public long SharedPagesByKernel => inner.SharedPagesByKernel;

    /// <summary>Who acts at the moment.</summary>
    public PageStateCause Cause { get; set; }

    public Failure? ConvertToShared(FrameRange range) => Do(range, _toShared);

    public Failure? ConvertToPrivate(FrameRange range) => Do(range, _toPrivate);

    public Failure? ChangeByHost(FrameRange range, ConversionDirection direction) => Do(range, r => inner.ChangeByHost(r, direction));

    public void StopConversions() => inner.StopConversions();

    public void End(GuestTermination how) => inner.End(how);

    public PageCondition ConditionOf(ulong frame) => inner.ConditionOf(frame);

    public bool IsShared(ulong frame) => inner.IsShared(frame);

    public PageStateInfo Describe(ulong frame) => inner.Describe(frame);

    public IEnumerable<PageStateRun> Runs(FrameRange range) => inner.Runs(range);

    /// <summary>An instruction of the platform by itself; the platform's tracker is <typeparamref name="TTracker"/>.</summary>
    public TResult Raw<TTracker, TResult>(FrameRange range, Func<TTracker, TResult> operation)
        where TTracker : class, IPageStateTracker => Do(range, _ => operation((TTracker)inner));

    private TResult Do<TResult>(FrameRange range, Func<FrameRange, TResult> operation)
    {
        if (!watched())
        {
            return operation(range);
        }

        PageStateRun[] before = [.. inner.Runs(range)];
        TResult result = operation(range);
        PageStateRun[] after = [.. inner.Runs(range)];
        Compare(before, after);
        return result;
    }

    private void Compare(PageStateRun[] before, PageStateRun[] after)
    {
        int next = 0;
        foreach (PageStateRun old in before)
        {
            while (next < after.Length && after[next].Range.End <= old.Range.First)
            {
                next++;
            }

            for (int at = next; at < after.Length && after[at].Range.First < old.Range.End; at++)
            {
                ulong first = Math.Max(old.Range.First, after[at].Range.First);
                ulong end = Math.Min(old.Range.End, after[at].Range.End);
                if (!Plain(old.State).Equals(Plain(after[at].State)))
                {
                    tell(new PageStateChange(new FrameRange(first, end - first), old.State, after[at].State, Cause));
                }
            }
        }
    }

    // The frame number inside an RMP entry is the frame's own, and the direct map's entry size no state.
    private static PageStateInfo Plain(PageStateInfo state) =>
        state with { DirectMapSize = MappingSize.Size4K, Rmp = state.Rmp is { } entry ? entry with { GuestFrame = 0 } : (RmpEntry?)null };
}
