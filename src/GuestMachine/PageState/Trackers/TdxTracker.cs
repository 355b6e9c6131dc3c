using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState.Wire;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// TDX: KVM's attribute and the SEPT entry, changed by MapGPA and accept (S-TDX-02..15).
/// <para>States of a frame: MAPPED at boot; MapGPA(shared) → BLOCKED while the VMM handles the piece → FREE; MapGPA(private) →
/// PENDING; accept → MAPPED and zero. MapGPA does not mind a frame that is there already; accept does: "already accepted" is non-zero, so
/// the conversion fails with EIO (S-SYS-24).</para>
/// <para>Invariant: a 2 MiB entry stands for 512 frames with equal host bits. A piece that covers a part of one and changes it breaks it
/// up; [E] it is never joined again, and the SEPT has no 1 GiB entries, so an accept of 1 GiB is always a size mismatch.</para>
/// </summary>
internal sealed partial class TdxTracker : EncryptedTracker
{
    private const int MaxRetriesWithoutProgress = 3;
    private const ulong PieceFrames = TdxMapGpa.MaxPieceBytes >> Page.Shift;
    private const byte StateMask = PageWord.Shared | PageWord.Unvalidated;
    private const byte Pending = PageWord.Unvalidated;

    private readonly bool[] _split;

    public TdxTracker(PageStateOptions options)
        : base(options)
    {
        _split = new bool[LargePages.Regions(options.Frames)];
        if ((options.Frames & (LargePages.Frames2M - 1)) != 0)
            _split[^1] = true;
    }

    protected override (bool Tlb, bool Cache) FlushesBefore(ConversionDirection direction) =>
        (direction == ConversionDirection.ToShared, true);

    protected override Failure? Prepare(FrameRange range, ConversionDirection direction) =>
        direction == ConversionDirection.ToPrivate ? MapGpa(range, direction) ?? Accept(range) : null;

    protected override Failure? Finish(FrameRange range, ConversionDirection direction)
    {
        if (direction == ConversionDirection.ToPrivate)
        {
            KernelsCount -= (long)range.Count;
            return null;
        }
        if (MapGpa(range, direction) is { } failure)
            return failure;
        KernelsCount += (long)range.Count;
        return null;
    }

    protected override PageStateInfo Describe(ulong frame, byte word, PageStateInfo common)
    {
        SeptState state = (word & PageWord.Shared) != 0 ? SeptState.Free
            : (word & PageWord.Blocked) != 0 ? SeptState.Blocked
            : (word & PageWord.Unvalidated) != 0 ? SeptState.Pending
            : SeptState.Mapped;
        return common with { Sept = new SeptEntry(state, _split[LargePages.RegionOf(frame)] ? MappingSize.Size4K : MappingSize.Size2M) };
    }

    protected override int HostEntrySizeAt(ulong frame) => _split[LargePages.RegionOf(frame)] ? 0 : 1;

    // The guest's loop (S-TDX-04).
    private Failure? MapGpa(FrameRange range, ConversionDirection direction)
    {
        ulong start = range.First;
        for (int stuck = 0; stuck < MaxRetriesWithoutProgress;)
        {
            Tally.MapGpaCalls++;
            (ulong r10, ulong goOn) = KvmMapGpa(start, range.End, direction);
            if (r10 == TdxMapGpa.Ok)
                return null;
            if (r10 != TdxMapGpa.Retry)
                return Eio(direction, "MapGPA", $"MapGPA of {Hex(range)} failed with 0x{r10:x} at 0x{Page.AddressOf(goOn):x}.");
            stuck = goOn == start ? stuck + 1 : 0;
            start = goOn;
        }
        return Eio(direction, "MapGPA", $"MapGPA of {Hex(range)} got {MaxRetriesWithoutProgress} retries without progress.");
    }

    // KVM's side (S-TDX-15): pieces of at most 2 MiB counted from the start, one exit each. The second value is r11, as a frame.
    private (ulong R10, ulong GoOn) KvmMapGpa(ulong start, ulong end, ConversionDirection direction)
    {
        if (!Hypervisor.MapGpaRangeExits)
            return (TdxMapGpa.SubFunctionUnsupported, start);
        for (ulong at = start; at < end;)
        {
            FrameRange piece = new(at, Math.Min(PieceFrames, end - at));
            VmmAnswer answer = Exit(piece, direction);
            if (answer != VmmAnswer.Ok)
                return (answer == VmmAnswer.Again ? TdxMapGpa.Retry : TdxMapGpa.InvalidOperand, at);
            at = piece.End;
            if (at < end && Hypervisor.EventPending)
                return (TdxMapGpa.Retry, at);
        }
        return (TdxMapGpa.Ok, end);
    }

    private VmmAnswer Exit(FrameRange piece, ConversionDirection direction)
    {
        bool toShared = direction == ConversionDirection.ToShared;
        Span<byte> words = Map.Words(piece);
        if (toShared)
            WordBits.Change(words, PageWord.Blocked, 0);
        Tally.HypervisorExits++;
        VmmReply reply = Ask(new VmmExit(piece, direction, MappingSize.Size4K, 1));
        if (toShared)
            WordBits.Change(words, 0, PageWord.Blocked);
        Move(reply.DoneOf(piece), direction);
        return reply.Answer;
    }

    private void Move(FrameRange piece, ConversionDirection direction)
    {
        BreakUp(piece, direction);
        if (direction == ConversionDirection.ToShared)
            Map.Flip(piece, direction, PageWord.Shared, PageWord.Unvalidated, Observer);
        else
            Map.Flip(piece, direction, PageWord.Unvalidated, PageWord.Shared, Observer);
    }

    /// <summary>
    /// A host that was not asked: removes pages from the SEPT (S-TDX-13), or takes them out and adds them again, not accepted.
    /// </summary>
    public override Failure? ChangeByHost(FrameRange range, ConversionDirection direction)
    {
        Move(range, direction);
        if (direction == ConversionDirection.ToPrivate)
        {
            BreakUp(range, ConversionDirection.ToShared);
            WordBits.Change(Map.Words(range), PageWord.Unvalidated, 0);
        }
        return null;
    }

    private void BreakUp(FrameRange piece, ConversionDirection direction)
    {
        byte now = direction == ConversionDirection.ToShared ? PageWord.Shared : (byte)0;
        for (FrameRange rest = piece; rest.Count > 0;)
        {
            FrameRange part = LargePages.HeadInRegion(rest);
            rest = new FrameRange(part.End, rest.Count - part.Count);
            ulong region = LargePages.RegionOf(part.First);
            byte shared = (byte)(Map.Word(part.First) & PageWord.Shared);
            if (_split[region] || part.Count == LargePages.Frames2M || shared == now)
                continue;
            _split[region] = true;
            Tally.SeptSplits += shared == 0 ? 1u : 0u;
        }
    }

    // Linux tries 1G, 2M, 4K as alignment and rest allow; any non-zero result means "not at this size" (S-TDX-06).
    private Failure? Accept(FrameRange range)
    {
        for (ulong at = range.First; at < range.End;)
        {
            if (LargePages.Fits(at, range.End, LargePages.Frames1G))
                Tally.AcceptCalls++;
            bool fits2M = LargePages.Fits(at, range.End, LargePages.Frames2M);
            Tally.AcceptCalls += fits2M ? 1u : 0u;
            bool split = _split[LargePages.RegionOf(at)];
            FrameRange part = LargePages.HeadInRegion(new FrameRange(at, range.End - at));
            Span<byte> words = Map.Words(part);
            int pending = WordBits.CountEqual(words, StateMask, Pending);
            if (split)
                Tally.AcceptCalls += (ulong)Math.Min(pending + 1, words.Length);
            else if (!fits2M || pending == 0)
                Tally.AcceptCalls++;

            int accepted = split || fits2M ? pending : 0;
            WordBits.Change(words[..accepted], 0, PageWord.Unvalidated);
            Tally.PagesAccepted += (ulong)accepted;
            if (accepted < words.Length)
                return NotAccepted(part.First + (ulong)accepted, split);
            at = part.End;
        }
        return null;
    }

    private Failure NotAccepted(ulong frame, bool split)
    {
        bool free = Map.IsShared(frame);
        uint code = free ? TdxAccept.EntryFree : split ? TdxAccept.AlreadyAccepted : TdxAccept.SizeMismatch;
        string word = free ? "the host has not added the page" : split ? "already accepted" : "size mismatch with a 2 MiB entry";
        return Eio(ConversionDirection.ToPrivate, "accept", $"Accept of 0x{Page.AddressOf(frame):x} failed with 0x{code:x8} ({word}).");
    }

    private static Failure Eio(ConversionDirection direction, string step, string sentence) =>
        new(Errno.EIO, Operation(direction), step, sentence);
}
