using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// What the platforms outside x86 have in common: a conversion is a row of calls to a trusted layer (RMM, pKVM, ultravisor), without kexec
/// lock, flush counts or splits of the direct map (S-SETM-41..43).
/// <para>Invariant: <see cref="PageWord.PteShared"/> is what the guest believes of a frame, <see cref="PageWord.Shared"/> what the trusted
/// layer has. They differ after refused or half-done calls.</para>
/// </summary>
internal abstract class CallTracker(PageStateOptions options) : ConversionTracker(options)
{
    /// <summary>
    /// The platform's share or unshare call by itself, a page each (S-CCA-07, S-S390-01, S-PPC-01): what the kernel believes stays.
    /// </summary>
    /// <returns>Pages done; fewer than asked for: the next one was refused.</returns>
    public ulong SharePages(FrameRange range, ConversionDirection direction) => CallPageByPage(range, direction).Done;

    public override PageStateInfo Describe(ulong frame)
    {
        byte word = Map.Word(frame);
        return Describe(word,
            new PageStateInfo(Map.ConditionOf(frame), (word & PageWord.PteShared) != 0, MappingSize.Size4K, null, null, null));
    }

    /// <summary>The platform's calls; what they return is the conversion's result.</summary>
    protected abstract Failure? Call(FrameRange range, ConversionDirection direction);

    /// <summary>Adds what the platform knows beyond the condition.</summary>
    protected virtual PageStateInfo Describe(byte word, PageStateInfo common) => common;

    /// <summary>What the guest believes from now on.</summary>
    protected void Believe(FrameRange range, ConversionDirection direction) => MarkEntries(range, direction);

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
    protected VmmReply Ask(FrameRange range, ConversionDirection direction, ulong count) =>
        Ask(new VmmExit(range, direction, MappingSize.Size4K, count));

    /// <summary>
    /// Calls of one page each up to the first refusal; the frames before it stay converted. The answer, and how many were done.
    /// </summary>
    protected VmmReply CallPageByPage(FrameRange range, ConversionDirection direction)
    {
        VmmReply reply = Ask(range, direction, range.Count);
        FrameRange done = reply.DoneOf(range);
        ulong calls = reply.Answer == VmmAnswer.Ok ? range.Count : Math.Min(done.Count + 1, range.Count);
        Tally.PlatformCalls += calls;
        Tally.HypervisorExits += calls;
        Move(done, direction);
        return reply with { Done = done.Count };
    }

    protected override Failure? Run(FrameRange range, ConversionDirection direction, in ConversionCall call)
    {
        Errno ordered = Faults.Prepare(call);
        return ordered != Errno.None
            ? new Failure(ordered, Operation(direction), "prepare", $"The call was ordered to fail with {ordered}.")
            : Call(range, direction);
    }

    protected override FrameRange EqualFrom(FrameRange range) =>
        range with { Count = (ulong)WordBits.CountEqual(Map.Words(range), 0xff, Map.Word(range.First)) };
}
