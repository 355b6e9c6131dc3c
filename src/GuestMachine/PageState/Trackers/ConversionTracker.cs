using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// What all platforms that convert pages have in common: the page words, the counters, the end of the guest, and the frame around a
/// conversion (is the guest alive, is it counted, what does a failure add). What a conversion does in between is the platform family's.
/// </summary>
internal abstract class ConversionTracker(PageStateOptions options) : IPageStateTracker
{
    private ConversionCounters _counters;

    public Platform Platform { get; } = options.Platform;

    public PageStateMap Map { get; } = new(options.Frames);

    public GuestTermination? Termination { get; private protected set; }

    public ConversionCounters Counters => _counters;

    public virtual long SharedPagesByKernel => 0;

    protected IHypervisor Hypervisor { get; } = options.Hypervisor;

    protected IConversionFaults Faults { get; } = options.Faults;

    protected IConversionObserver? Observer { get; } = options.Observer;

    protected Action<string>? Warn { get; } = options.Warn;

    private protected ref ConversionCounters Tally => ref _counters;

    public Failure? ConvertToShared(FrameRange range) => Convert(range, ConversionDirection.ToShared);

    public Failure? ConvertToPrivate(FrameRange range) => Convert(range, ConversionDirection.ToPrivate);

    // The lock is x86's (S-SETM-03).
    public virtual void StopConversions()
    {
    }

    public virtual Failure? ChangeByHost(FrameRange range, ConversionDirection direction) => HostActs.CannotChange(Platform);

    public void End(GuestTermination how) => Termination ??= how;

    public PageCondition ConditionOf(ulong frame) => Map.ConditionOf(frame);

    public bool IsShared(ulong frame) => Map.IsShared(frame);

    public abstract PageStateInfo Describe(ulong frame);

    public IEnumerable<PageStateRun> Runs(FrameRange range)
    {
        _ = Map.Words(range);
        return RunsOf(range);
    }

    /// <summary>What a conversion does; a failure is its result.</summary>
    protected abstract Failure? Run(FrameRange range, ConversionDirection direction, in ConversionCall call);

    /// <summary>Why no conversion may begin; null: it may.</summary>
    protected virtual Failure? Stopped(ConversionDirection direction) => null;

    /// <summary>The first frames of a range that are alike in all that <see cref="Describe(ulong)"/> tells.</summary>
    protected abstract FrameRange EqualFrom(FrameRange range);

    protected static string Operation(ConversionDirection direction) =>
        direction == ConversionDirection.ToShared ? "set_memory_decrypted" : "set_memory_encrypted";

    protected static string Hex(FrameRange range) =>
        string.Create(CultureInfo.InvariantCulture, $"0x{range.Address:x}-0x{Page.AddressOf(range.End):x}");

    private protected Failure Terminated(ConversionDirection direction) =>
        new(Errno.EOWNERDEAD, Operation(direction), "guest terminated", $"The guest has {Termination!.Words}");

    /// <summary>What the guest's page tables say from now on.</summary>
    private protected void MarkEntries(FrameRange range, ConversionDirection direction)
    {
        bool shared = direction == ConversionDirection.ToShared;
        WordBits.Change(Map.Words(range), shared ? PageWord.PteShared : (byte)0, shared ? (byte)0 : PageWord.PteShared);
    }

    /// <summary>One exit to the VMM, its time counted.</summary>
    protected VmmReply Ask(in VmmExit exit)
    {
        VmmReply reply = Hypervisor.Convert(exit);
        _counters.HypervisorNanoseconds += reply.Nanoseconds;
        return reply;
    }

    private Failure? Convert(FrameRange range, ConversionDirection direction)
    {
        ArgumentOutOfRangeException.ThrowIfZero(range.Count);
        _ = Map.Words(range);
        if (Termination is not null)
        {
            return Terminated(direction);
        }

        if (Stopped(direction) is { } stopped)
        {
            return stopped;
        }

        Failure? failure = Run(range, direction, CountCall(direction));
        if (failure is not null)
        {
            _counters.FailedConversions++;
        }
        else if (direction == ConversionDirection.ToShared)
        {
            _counters.PagesToShared += range.Count;
        }
        else
        {
            _counters.PagesToPrivate += range.Count;
        }

        return failure;
    }

    private ConversionCall CountCall(ConversionDirection direction)
    {
        ulong number = direction == ConversionDirection.ToShared ? ++_counters.ConversionsToShared : ++_counters.ConversionsToPrivate;
        return new ConversionCall(direction, number, _counters.ConversionsToShared + _counters.ConversionsToPrivate);
    }

    private IEnumerable<PageStateRun> RunsOf(FrameRange range)
    {
        for (ulong at = range.First; at < range.End;)
        {
            FrameRange run = EqualFrom(new FrameRange(at, range.End - at));
            yield return new PageStateRun(run, Describe(at));
            at = run.End;
        }
    }
}
