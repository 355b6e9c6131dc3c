using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// What the platforms outside x86 have in common: a conversion is a row of calls to a trusted layer (RMM, pKVM, ultravisor), without kexec
/// lock, flush counts or splits of the direct map (S-SETM-41..43).
/// <para>Invariant: <see cref="PageWord.PteShared"/> is what the guest believes of a frame, <see cref="PageWord.Shared"/> what the trusted
/// layer has. They differ after refused or half-done calls.</para>
/// </summary>
internal abstract class CallTracker(PageStateOptions options) : IPageStateTracker
{
    private readonly IConversionFaults _faults = options.Faults;
    private ConversionCounters _counters;

    public Platform Platform { get; } = options.Platform;

    public PageStateMap Map { get; } = new(options.Frames);

    public GuestTermination? Termination { get; private set; }

    public ConversionCounters Counters => _counters;

    public long SharedPagesByKernel => 0;

    protected IHypervisor Hypervisor { get; } = options.Hypervisor;

    protected IConversionObserver? Observer { get; } = options.Observer;

    protected Action<string>? Warn { get; } = options.Warn;

    private protected ref ConversionCounters Tally => ref _counters;

    public Failure? ConvertToShared(FrameRange range) => Convert(range, ConversionDirection.ToShared);

    public Failure? ConvertToPrivate(FrameRange range) => Convert(range, ConversionDirection.ToPrivate);

    // The lock is x86's (S-SETM-03).
    public void StopConversions()
    {
    }

    public virtual Failure? ChangeByHost(FrameRange range, ConversionDirection direction) => HostActs.CannotChange(Platform);

    public void End(GuestTermination how) => Termination ??= how;

    /// <summary>The platform's share or unshare call by itself, a page each (S-CCA-07, S-S390-01, S-PPC-01): what the kernel believes stays.</summary>
    /// <returns>Pages done; fewer than asked for: the next one was refused.</returns>
    public ulong SharePages(FrameRange range, ConversionDirection direction) => CallPageByPage(range, direction).Done;

    public PageCondition ConditionOf(ulong frame) => Map.ConditionOf(frame);

    public bool IsShared(ulong frame) => Map.IsShared(frame);

    public PageStateInfo Describe(ulong frame)
    {
        byte word = Map.Word(frame);
        return Describe(word, new PageStateInfo(Map.ConditionOf(frame), (word & PageWord.PteShared) != 0, MappingSize.Size4K, null, null, null));
    }

    public IEnumerable<PageStateRun> Runs(FrameRange range)
    {
        _ = Map.Words(range);
        return RunsOf(range);
    }

    /// <summary>The platform's calls; what they return is the conversion's result.</summary>
    protected abstract Failure? Call(FrameRange range, ConversionDirection direction);

    /// <summary>Adds what the platform knows beyond the condition.</summary>
    protected virtual PageStateInfo Describe(byte word, PageStateInfo common) => common;

    /// <summary>What the guest believes from now on.</summary>
    protected void Believe(FrameRange range, ConversionDirection direction)
    {
        bool shared = direction == ConversionDirection.ToShared;
        WordBits.Change(Map.Words(range), shared ? PageWord.PteShared : (byte)0, shared ? (byte)0 : PageWord.PteShared);
    }

    /// <summary>The trusted layer moves the frames that are not there yet.</summary>
    protected void Move(FrameRange range, ConversionDirection direction)
    {
        if (range.Count == 0)
        {
            return;
        }

        if (direction == ConversionDirection.ToShared)
        {
            Map.Flip(range, direction, PageWord.Shared, PageWord.Unvalidated, Observer);
        }
        else
        {
            // What the host destroyed comes back, too (S-CCA-04); its contents went when it was destroyed.
            Map.Flip(range, direction, 0, PageWord.Shared | PageWord.Unvalidated, Observer);
            WordBits.Change(Map.Words(range), 0, PageWord.Unvalidated);
        }
    }

    /// <summary>One exit to the VMM, its time counted.</summary>
    protected VmmReply Ask(FrameRange range, ConversionDirection direction, ulong count)
    {
        VmmReply reply = Hypervisor.Convert(new VmmExit(range, direction, MappingSize.Size4K, count));
        _counters.HypervisorNanoseconds += reply.Nanoseconds;
        return reply;
    }

    /// <summary>Calls of one page each up to the first refusal; the frames before it stay converted. The answer, and how many were done.</summary>
    protected VmmReply CallPageByPage(FrameRange range, ConversionDirection direction)
    {
        VmmReply reply = Ask(range, direction, range.Count);
        FrameRange done = reply.DoneOf(range);
        ulong calls = reply.Answer == VmmAnswer.Ok ? range.Count : Math.Min(done.Count + 1, range.Count);
        _counters.PlatformCalls += calls;
        _counters.HypervisorExits += calls;
        Move(done, direction);
        return reply with { Done = done.Count };
    }

    protected static string Operation(ConversionDirection direction) =>
        direction == ConversionDirection.ToShared ? "set_memory_decrypted" : "set_memory_encrypted";

    protected static string Hex(FrameRange range) =>
        string.Create(CultureInfo.InvariantCulture, $"0x{range.Address:x}-0x{Page.AddressOf(range.End):x}");

    protected Failure Terminated(ConversionDirection direction) =>
        new(Errno.EOWNERDEAD, Operation(direction), "guest terminated", $"The guest has {Termination!.Words}");

    private Failure? Convert(FrameRange range, ConversionDirection direction)
    {
        ArgumentOutOfRangeException.ThrowIfZero(range.Count);
        _ = Map.Words(range);
        if (Termination is not null)
        {
            return Terminated(direction);
        }

        ulong number = direction == ConversionDirection.ToShared ? ++_counters.ConversionsToShared : ++_counters.ConversionsToPrivate;
        Errno ordered = _faults.Prepare(new ConversionCall(direction, number, _counters.ConversionsToShared + _counters.ConversionsToPrivate));
        Failure? failure = ordered != Errno.None
            ? new Failure(ordered, Operation(direction), "prepare", $"The call was ordered to fail with {ordered}.")
            : Call(range, direction);
        if (failure is not null)
        {
            _counters.FailedConversions++;
        }
        else
        {
            _counters.PagesToShared += direction == ConversionDirection.ToShared ? range.Count : 0;
            _counters.PagesToPrivate += direction == ConversionDirection.ToPrivate ? range.Count : 0;
        }

        return failure;
    }

    private IEnumerable<PageStateRun> RunsOf(FrameRange range)
    {
        for (ulong at = range.First; at < range.End;)
        {
            int equal = WordBits.CountEqual(Map.Words(new FrameRange(at, range.End - at)), 0xff, Map.Word(at));
            yield return new PageStateRun(new FrameRange(at, (ulong)equal), Describe(at));
            at += (ulong)equal;
        }
    }
}
