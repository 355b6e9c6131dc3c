using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// The platform of the recorded runs: it claims memory encryption, counts conversions and fails them to order, and changes nothing else. So
/// contents survive and every accessor sees plain text.
/// Models: results and counts of <c>set_memory_decrypted</c> and <c>set_memory_encrypted</c>. Does not model: page states, a hypervisor.
/// </summary>
internal sealed class LabTracker(PageStateOptions options) : IPageStateTracker
{
    private readonly PageStateMap _map = new(options.Frames);
    private ConversionCounters _counters;

    public Platform Platform => Platform.Lab;

    public PageStateMap Map => _map;

    public GuestTermination? Termination => null;

    public ConversionCounters Counters => _counters;

    public long SharedPagesByKernel => (long)(_counters.PagesToShared - _counters.PagesToPrivate);

    public Failure? ConvertToShared(FrameRange range) => Convert(range, ConversionDirection.ToShared);

    public Failure? ConvertToPrivate(FrameRange range) => Convert(range, ConversionDirection.ToPrivate);

    public void StopConversions()
    {
    }

    public Failure? ChangeByHost(FrameRange range, ConversionDirection direction) => HostActs.CannotChange(Platform);

    public void End(GuestTermination how)
    {
    }

    public PageCondition ConditionOf(ulong frame) => _map.ConditionOf(frame);

    public bool IsShared(ulong frame) => false;

    public PageStateInfo Describe(ulong frame) => new(ConditionOf(frame), false, MappingSize.Size4K, null, null, null);

    public IEnumerable<PageStateRun> Runs(FrameRange range)
    {
        _ = _map.Words(range);
        return [new PageStateRun(range, Describe(range.First))];
    }

    private Failure? Convert(FrameRange range, ConversionDirection direction)
    {
        ArgumentOutOfRangeException.ThrowIfZero(range.Count);
        _ = _map.Words(range);
        if (!options.Claim.On)
        {
            return null;
        }

        bool toShared = direction == ConversionDirection.ToShared;
        ulong number = toShared ? ++_counters.ConversionsToShared : ++_counters.ConversionsToPrivate;
        Errno errno = options.Faults.Prepare(
            new ConversionCall(direction, number, _counters.ConversionsToShared + _counters.ConversionsToPrivate));
        if (errno != Errno.None)
        {
            _counters.FailedConversions++;
            return new Failure(errno, toShared ? "set_memory_decrypted" : "set_memory_encrypted", "prepare",
                $"The call was ordered to fail with {errno}.");
        }

        _counters.PagesToShared += toShared ? range.Count : 0;
        _counters.PagesToPrivate += toShared ? 0 : range.Count;
        return null;
    }
}
