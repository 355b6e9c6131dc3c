using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// SEV-SNP: KVM's attribute and the RMP entry of the private backing, changed by batches of page state changes and PVALIDATEs.
/// <para>States of a frame: GUEST_VALID at boot; PVALIDATE(0) → GUEST_INVALID; PSC(shared) → HYPERVISOR (or kept assigned by a VMM that
/// does not discard, S-SNP-32); PSC(private) → GUEST_INVALID; PVALIDATE(1) → GUEST_VALID. Anything else a PVALIDATE meets is "no
/// change" or a fault and ends the guest with reason (1, 2); a refused PSC ends it with (1, 1) (S-SNP-11, 24, 35, 36).</para>
/// <para>Invariant: a 2 MiB entry stands for 512 frames with equal host bits. The first 4 KiB operation inside it breaks it up, by
/// PSMASH where it is assigned; [E] no conversion joins it again, so a later 2 MiB PVALIDATE there is a size mismatch (S-VEC-35).</para>
/// </summary>
internal sealed partial class SnpTracker : AmdTracker
{
    private const byte Valid = 0;
    private const byte Invalid = PageWord.Unvalidated;
    private const byte StateMask = PageWord.Shared | PageWord.Unvalidated | PageWord.Immutable;

    private const string NoChange = "no change, the entry is in that state already";

    private readonly bool[] _smashed;
    private readonly uint _asid;

    public SnpTracker(PageStateOptions options)
        : base(options, migrationControl: false)
    {
        _smashed = new bool[LargePages.Regions(options.Frames)];
        _asid = options.Asid;
        WordBits.Change(Map.Words(options.LaunchPages), PageWord.Immutable, 0);
        for (FrameRange rest = options.LaunchPages; rest.Count > 0;)
        {
            FrameRange head = LargePages.HeadInRegion(rest);
            _smashed[LargePages.RegionOf(head.First)] = true;
            rest = new FrameRange(head.End, rest.Count - head.Count);
        }
        if ((options.Frames & (LargePages.Frames2M - 1)) != 0)
            _smashed[^1] = true;
    }

    protected override Failure? Prepare(FrameRange range, ConversionDirection direction) =>
        direction == ConversionDirection.ToShared ? ChangeState(range, direction) : null;

    protected override Failure? Finish(FrameRange range, ConversionDirection direction) =>
        (direction == ConversionDirection.ToPrivate ? ChangeState(range, direction) : null) ?? base.Finish(range, direction);

    /// <summary>
    /// RMPUPDATE by a host that was not asked: a changed or repeated assignment is not validated (S-SNP-04); EFAULT for an immutable entry.
    /// </summary>
    public override Failure? ChangeByHost(FrameRange range, ConversionDirection direction)
    {
        if (!IsMutable(range))
            return Immutable(range);
        BreakUp(range);
        Update(range, MappingSize.Size4K, direction);
        return null;
    }

    private static Failure Immutable(FrameRange range) =>
        new(Errno.EFAULT, "rmpupdate", "immutable entry", $"{Hex(range)} has an immutable RMP entry (S-SNP-03).");

    private bool IsMutable(FrameRange range)
    {
        Span<byte> words = Map.Words(range);
        return WordBits.CountEqual(words, PageWord.Immutable, 0) == words.Length;
    }

    private void Update(FrameRange range, MappingSize size, ConversionDirection direction)
    {
        Assign(range, size, direction);
        if (direction == ConversionDirection.ToPrivate)
            WordBits.Change(Map.Words(range), PageWord.Unvalidated, 0);
    }

    // KVM's attribute is host state already; the extra hypercall says nothing new.
    protected override void HostTold(FrameRange entries, ConversionDirection direction)
    {
    }

    protected override PageStateInfo Describe(ulong frame, byte word, PageStateInfo common)
    {
        bool assigned = IsAssigned(word);
        bool immutable = (word & PageWord.Immutable) != 0;
        MappingSize size = _smashed[LargePages.RegionOf(frame)] ? MappingSize.Size4K : MappingSize.Size2M;
        return common with
        {
            Rmp = assigned
                ? new RmpEntry(true, size, immutable, frame, _asid, immutable, (word & PageWord.Unvalidated) == 0)
                : new RmpEntry(false, size, false, 0, 0, false, false),
        };
    }

    protected override int HostEntrySizeAt(ulong frame) => _smashed[LargePages.RegionOf(frame)] ? 0 : 1;

    // S-SNP-20, S-SNP-23: →shared invalidates, then asks; →private asks, then validates; batch by batch.
    private Failure? ChangeState(FrameRange range, ConversionDirection direction)
    {
        bool toShared = direction == ConversionDirection.ToShared;
        for (ulong at = range.First; at < range.End;)
        {
            var batch = PscBatch.Fill(at, range.End);
            bool done = toShared
                ? Pvalidate(batch, Valid, Invalid, direction) && Request(batch, direction)
                : Request(batch, direction) && Pvalidate(batch, Invalid, Valid, direction);
            if (!done)
                return Terminated(direction);
            at = batch.End;
        }
        return null;
    }

    // KVM merges neighbouring entries of one size into one exit (S-SNP-38).
    private bool Request(in PscBatch batch, ConversionDirection direction)
    {
        Tally.PscBatches++;
        for (int i = 0; i < batch.Runs; i++)
        {
            (FrameRange range, MappingSize size) = batch[i];
            if (!Hypervisor.MapGpaRangeExits)
                return Refused(range, "user-space exits are not enabled");
            Tally.HypervisorExits++;
            VmmReply reply = Ask(new VmmExit(range, direction, size, 1));
            FrameRange done = reply.DoneOf(range);
            Assign(done, done == range ? size : MappingSize.Size4K, direction);
            if (reply.Answer != VmmAnswer.Ok)
                return Refused(range, $"the VMM answered {reply.Answer}");
        }
        return true;
    }

    private void Assign(FrameRange range, MappingSize size, ConversionDirection direction)
    {
        if (size == MappingSize.Size4K)
            TouchChanging(range, direction);
        if (direction == ConversionDirection.ToPrivate)
            Map.Flip(range, direction, PageWord.Unvalidated, PageWord.Shared | PageWord.Kept, Observer);
        else if (Hypervisor.DiscardsOldBacking)
            Map.Flip(range, direction, PageWord.Shared, PageWord.Unvalidated, Observer);
        else
            Map.Flip(range, direction, PageWord.Shared | PageWord.Kept, 0, Observer);
    }

    private bool Pvalidate(in PscBatch batch, byte from, byte to, ConversionDirection direction)
    {
        for (int i = 0; i < batch.Runs; i++)
        {
            (FrameRange rest, MappingSize size) = batch[i];
            while (rest.Count > 0)
            {
                FrameRange part = LargePages.HeadInRegion(rest);
                bool done = size == MappingSize.Size2M ? Pvalidate2M(part, from, to, direction) : Pvalidate4K(part, from, to, direction);
                if (!done)
                    return false;
                rest = new FrameRange(part.End, rest.Count - part.Count);
            }
        }
        return true;
    }

    private bool Pvalidate2M(FrameRange entry, byte from, byte to, ConversionDirection direction)
    {
        Tally.Pvalidates++;
        PvalidateResult ordered = Faults.Pvalidate(entry.Bytes);
        if (ordered == PvalidateResult.SizeMismatch || _smashed[LargePages.RegionOf(entry.First)])
        {
            Tally.PvalidateSizeMismatches++;
            return Pvalidate4K(entry, from, to, direction);
        }
        if (ordered == PvalidateResult.NoChange)
            return Rejected(entry.First, direction, NoChange);
        if ((Map.Word(entry.First) & StateMask) != from)
            return Rejected(entry.First, direction);
        Invalidate(Map.Words(entry), to);
        return true;
    }

    // Frames of one region.
    private bool Pvalidate4K(FrameRange range, byte from, byte to, ConversionDirection direction)
    {
        Touch4K(range.First);
        Span<byte> words = Map.Words(range);
        int done = WordBits.CountEqual(words, StateMask, from);
        (done, PvalidateResult ordered) = Ordered(done);
        Invalidate(words[..done], to);
        Tally.Pvalidates += (ulong)done;
        if (done == words.Length)
            return true;
        Tally.Pvalidates++;
        Tally.PvalidateSizeMismatches += ordered == PvalidateResult.SizeMismatch ? 1u : 0u;
        return Rejected(range.First + (ulong)done, direction, ordered switch
        {
            PvalidateResult.SizeMismatch => "the RMP entry has another size",
            PvalidateResult.NoChange => NoChange,
            _ => null,
        });
    }

    // How many of the pages that would be done are, and what stops them there if somebody ordered it.
    private (int Done, PvalidateResult Ordered) Ordered(int pages)
    {
        for (int at = 0; at < pages && !Faults.Quiet; at++)
        {
            PvalidateResult result = Faults.Pvalidate(Page.Size);
            if (result != PvalidateResult.Done)
                return (at, result);
        }
        return (pages, PvalidateResult.Done);
    }

    private static void Invalidate(Span<byte> words, byte to) => WordBits.Change(words, to, (byte)(to ^ PageWord.Unvalidated));

    private static bool IsAssigned(byte word) => (word & (PageWord.Shared | PageWord.Kept)) != PageWord.Shared;

    // A large entry of which a part changes sides cannot stay one.
    private void TouchChanging(FrameRange range, ConversionDirection direction)
    {
        bool shared = direction == ConversionDirection.ToShared;
        for (FrameRange rest = range; rest.Count > 0;)
        {
            FrameRange part = LargePages.HeadInRegion(rest);
            if (Map.IsShared(part.First) != shared)
                Touch4K(part.First);
            rest = new FrameRange(part.End, rest.Count - part.Count);
        }
    }

    private void BreakUp(FrameRange range)
    {
        for (FrameRange rest = range; rest.Count > 0;)
        {
            FrameRange part = LargePages.HeadInRegion(rest);
            if (part.Count < LargePages.Frames2M)
                Touch4K(part.First);
            rest = new FrameRange(part.End, rest.Count - part.Count);
        }
    }

    // A 4 KiB operation inside a 2 MiB entry: fault, PSMASH, again (S-SNP-28). An unassigned entry needs no PSMASH.
    private void Touch4K(ulong frame)
    {
        ulong region = LargePages.RegionOf(frame);
        if (_smashed[region])
            return;
        _smashed[region] = true;
        Tally.RmpSplits += IsAssigned(Map.Word(frame)) ? 1u : 0u;
    }

    private bool Refused(FrameRange range, string why)
    {
        Termination = new GuestTermination(
            GuestTermination.LinuxSet, GuestTermination.PageStateChange, $"Page state change of {Hex(range)} failed: {why}.");
        return false;
    }

    private bool Rejected(ulong frame, ConversionDirection direction, string? ordered = null)
    {
        byte word = Map.Word(frame);
        string why = ordered is not null ? ordered
            : (word & PageWord.Immutable) != 0 ? "the RMP entry is immutable"
            : (word & PageWord.Shared) != 0 ? "the page is not private"
            : NoChange;
        int validate = direction == ConversionDirection.ToPrivate ? 1 : 0;
        Termination = new GuestTermination(
            GuestTermination.LinuxSet, GuestTermination.Pvalidate, $"PVALIDATE({validate}) of 0x{Page.AddressOf(frame):x}: {why}.");
        return false;
    }
}
