using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// The sequence that all x86 platforms share. <c>set_memory_decrypted</c> and <c>set_memory_encrypted</c> run, over one chunk:
/// kexec lock (S-SETM-03), flush (step 2), prepare (3), direct-map entries (4), flush (5), error of 4 (6), finish (7).
/// A platform says what its callbacks do; where the host is told before the entries change and where after follows from the table
/// S-SETM-20, 21. Whatever has happened when a step fails stays (S-SETM-11): there is no roll back and no look at the state before
/// (S-SETM-05), so a double conversion runs in full and ends as the platform decides (S-SYS-24).
/// </summary>
internal abstract class EncryptedTracker : ConversionTracker, IEntryWriter
{
    // The direct map of a kernel without address randomisation: an address to print (S-SETM-11).
    private const ulong DirectMapBase = 0xffff888000000000;

    private readonly DirectMap _directMap;
    private bool _stopped;
    private bool _warned;

    protected EncryptedTracker(PageStateOptions options)
        : base(options) => _directMap = new DirectMap(Map);

    public override long SharedPagesByKernel => KernelsCount;

    private protected long KernelsCount { get; set; }

    protected DirectMap DirectMapEntries => _directMap;

    public override void StopConversions() => _stopped = true;

    public override PageStateInfo Describe(ulong frame)
    {
        byte word = Map.Word(frame);
        bool guestShared = (word & PageWord.PteShared) != 0;
        return Describe(frame, word, new PageStateInfo(Map.ConditionOf(frame), guestShared, _directMap.SizeAt(frame), null, null, null));
    }

    public virtual void WriteEntries(FrameRange range, ConversionDirection direction) => MarkEntries(range, direction);

    /// <summary>Flushes of step 2 (S-SETM-12).</summary>
    protected abstract (bool Tlb, bool Cache) FlushesBefore(ConversionDirection direction);

    /// <summary>Step 3. The result is a VMM failure or a termination.</summary>
    protected abstract Failure? Prepare(FrameRange range, ConversionDirection direction);

    /// <summary>Step 7. The result is a VMM failure or a termination.</summary>
    protected abstract Failure? Finish(FrameRange range, ConversionDirection direction);

    /// <summary>Adds the platform's host word.</summary>
    protected abstract PageStateInfo Describe(ulong frame, byte word, PageStateInfo common);

    /// <summary>A number that differs between the host's entry sizes of two regions, for merging runs.</summary>
    protected abstract int HostEntrySizeAt(ulong frame);

    protected override Failure? Stopped(ConversionDirection direction) =>
        _stopped ? new Failure(Errno.EBUSY, Operation(direction), "conversion lock", "A kexec has stopped conversions.") : null;

    protected override Failure? Run(FrameRange range, ConversionDirection direction, in ConversionCall call)
    {
        (bool tlb, bool cache) = FlushesBefore(direction);
        Tally.TlbFlushes += tlb ? 1u : 0u;
        Tally.CacheFlushes += tlb && cache ? 1u : 0u;

        Errno ordered = Faults.Prepare(call);
        if ((ordered != Errno.None ? Ordered(ordered, direction, "prepare") : Prepare(range, direction)) is { } notPrepared)
            return VmmFailure(range, direction, notPrepared);

        bool changed = _directMap.Change(range, direction, this, Faults, call, out uint splits);
        Tally.DirectMapSplits += splits;
        Tally.TlbFlushes++;
        if (!changed)
        {
            return new Failure(
                Errno.ENOMEM, Operation(direction), "direct map: split", $"No page-table page to split an entry of {Hex(range)}.");
        }

        ordered = Faults.Finish(call);
        return (ordered != Errno.None ? Ordered(ordered, direction, "finish") : Finish(range, direction)) is { } notFinished
            ? VmmFailure(range, direction, notFinished)
            : null;
    }

    private static Failure Ordered(Errno errno, ConversionDirection direction, string step) =>
        new(errno, Operation(direction), step, $"The {step} callback was ordered to fail with {errno}.");

    // A terminated guest prints nothing any more. One warning per boot, whatever the direction (S-SETM-11).
    private Failure VmmFailure(FrameRange range, ConversionDirection direction, Failure failure)
    {
        if (Termination is not null || _warned)
            return failure;
        _warned = true;
        ulong address = DirectMapBase + range.Address;
        string to = direction == ConversionDirection.ToShared ? "shared" : "private";
        Warn?.Invoke(string.Create(
            CultureInfo.InvariantCulture,
            $"CPA VMM failure to convert memory (addr={address:x16}, numpages={range.Count}) to {to}: {-(int)failure.Errno}"));
        return failure;
    }

    protected override FrameRange EqualFrom(FrameRange range)
    {
        byte word = Map.Word(range.First);
        MappingSize size = _directMap.SizeAt(range.First);
        int hostSize = HostEntrySizeAt(range.First);
        ulong at = range.First;
        while (at < range.End && _directMap.SizeAt(at) == size && HostEntrySizeAt(at) == hostSize)
        {
            FrameRange head = LargePages.HeadInRegion(new FrameRange(at, range.End - at));
            int equal = WordBits.CountEqual(Map.Words(head), 0xff, word);
            at += (ulong)equal;
            if ((ulong)equal < head.Count)
                break;
        }
        return range with { Count = at - range.First };
    }
}
