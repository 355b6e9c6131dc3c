using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// Arm CCA realm: RIPAS by granule and the linear map's alias bit (S-CCA-01..05, S-SETM-43, 44).
/// <para>A conversion makes the entries invalid with the alias bit of the new side, asks RSI_IPA_STATE_SET in a loop until its top, and
/// makes them valid again. A call that the host rejects ends it with EINVAL and the entries stay invalid until a later one succeeds;
/// granules before it stay changed. →private takes destroyed granules, too (S-CCA-04).</para>
/// <para>[E] A host that answers without progress keeps the guest in that loop; after <see cref="PatienceCalls"/> such calls the guest
/// counts as stuck.</para>
/// </summary>
internal sealed class CcaTracker(PageStateOptions options) : CallTracker(options)
{
    private const int PatienceCalls = 1024;

    /// <summary>The host destroys protected granules; it cannot give any (S-PLAT-13).</summary>
    public override Failure? ChangeByHost(FrameRange range, ConversionDirection direction)
    {
        if (direction == ConversionDirection.ToPrivate)
        {
            return HostActs.CannotChange(Platform);
        }

        Span<byte> words = Map.Words(range);
        foreach (ref byte word in words)
        {
            word |= (word & PageWord.Shared) == 0 ? PageWord.Unvalidated : (byte)0;
        }

        return null;
    }

    /// <summary>One RSI_IPA_STATE_SET by itself (S-CCA-03, 04, 06): the realm's page tables do not follow.</summary>
    /// <param name="range">Granules of the guest.</param>
    /// <param name="direction">EMPTY or RAM.</param>
    /// <param name="destroyedToo">RAM for granules that the host destroyed; without it the call stops before the first.</param>
    /// <returns>How far it came, and whether the host rejected the rest.</returns>
    public (ulong Top, bool Rejected) SetIpaState(FrameRange range, ConversionDirection direction, bool destroyedToo)
    {
        Tally.PlatformCalls++;
        Tally.HypervisorExits++;
        FrameRange asked = destroyedToo ? range
            : range with { Count = (ulong)WordBits.CountEqual(Map.Words(range), PageWord.Unvalidated, 0) };
        if (asked.Count == 0)
        {
            return (range.First, false);
        }

        VmmReply reply = Ask(asked, direction, 1);
        FrameRange done = reply.DoneOf(asked);
        Move(done, direction);
        return (done.End, reply.Answer == VmmAnswer.Invalid);
    }

    protected override PageStateInfo Describe(byte word, PageStateInfo common) => common with
    {
        Ripas = (word & PageWord.Shared) != 0 ? RipasState.Empty
            : (word & PageWord.Unvalidated) != 0 ? RipasState.Destroyed
            : RipasState.Ram,
        DirectMapInvalid = (word & PageWord.PteInvalid) != 0,
    };

    protected override Failure? Call(FrameRange range, ConversionDirection direction)
    {
        Believe(range, direction);
        WordBits.Change(Map.Words(range), PageWord.PteInvalid, 0);
        if (SetRipas(range, direction) is { } failure)
        {
            return failure;
        }

        WordBits.Change(Map.Words(range), 0, PageWord.PteInvalid);
        return null;
    }

    private Failure? SetRipas(FrameRange range, ConversionDirection direction)
    {
        int idle = 0;
        for (FrameRange rest = range; rest.Count > 0;)
        {
            Tally.PlatformCalls++;
            Tally.HypervisorExits++;
            VmmReply reply = Ask(rest, direction, 1);
            FrameRange done = reply.DoneOf(rest);
            Move(done, direction);
            if (reply.Answer == VmmAnswer.Invalid)
            {
                return Rejected(range, done.End, direction);
            }

            rest = new FrameRange(done.End, rest.Count - done.Count);
            idle = done.Count == 0 ? idle + 1 : 0;
            if (idle == PatienceCalls)
            {
                End(GuestTermination.Of(TerminationKind.Stuck, $"RSI_IPA_STATE_SET of {Hex(rest)} makes no progress."));
                return Terminated(direction);
            }
        }

        return null;
    }

    private Failure Rejected(FrameRange range, ulong at, ConversionDirection direction)
    {
        string verb = direction == ConversionDirection.ToShared ? "decrypt" : "encrypt";
        Warn?.Invoke($"Failed to {verb} memory, {range.Count} pages will be leaked");
        return new Failure(
            Errno.EINVAL, Operation(direction), "RSI_IPA_STATE_SET",
            $"The host rejected the change of {Hex(range)} at 0x{Page.AddressOf(at):x} (S-CCA-03).");
    }
}
