using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.PageState.Wire;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Host;

/// <content>The instructions and calls by which a guest validates, accepts, protects and shares pages.</content>
public sealed partial class GuestHypercalls
{
    /// <summary>PVALIDATE on SNP guests (S-SNP-10). EOPNOTSUPP elsewhere.</summary>
    /// <param name="address">The entry's first byte, as the direct map has it.</param>
    /// <param name="size">4K or 2M.</param>
    /// <param name="validate">The new state.</param>
    /// <returns>
    /// The code, and the carry flag: the entry was in that state already. EFAULT where the instruction does not end: the page is not the
    /// guest's at the host (#NPF, S-SNP-36).
    /// </returns>
    public Result<(uint Code, bool NoChange)> Pvalidate(ulong address, MappingSize size, bool validate)
    {
        const string Call = "pvalidate";
        using Lock.Scope held = _gate.Hold();
        if (Refuse(Call, Platform.SevSnp) is { } failure)
        {
            return failure;
        }

        ulong bytes = LargePages.FramesOf(size) << Page.Shift;
        if (size > MappingSize.Size2M || (address & (bytes - 1)) != 0)
        {
            return (RmpCodes.BadInput, false);
        }

        var entry = new FrameRange(Page.FrameOf(address), bytes >> Page.Shift);
        if (!_core.Memory.Layout.Contains(address, bytes) || AnyShared(entry))
        {
            return new Failure(Errno.EFAULT, Call, "#NPF",
                $"0x{address:x} + {bytes} is not the guest's private memory at the host (S-SNP-36).", "address");
        }

        return _pages.Raw<SnpTracker, (uint, bool)>(entry, t => t.Pvalidate(entry, size, validate));
    }

    /// <summary>TDG.MEM.PAGE.ACCEPT on TDX guests (S-TDX-06 to 08): what it accepts is zero. EOPNOTSUPP elsewhere.</summary>
    /// <param name="rcx">Address and level.</param>
    /// <returns>rax: the result code in its upper half.</returns>
    public Result<ulong> AcceptPage(ulong rcx)
    {
        using Lock.Scope held = _gate.Hold();
        if (Refuse("accept_page", Platform.Tdx) is { } failure)
        {
            return failure;
        }

        (ulong frame, MappingSize level) = TdxAccept.DecodeRcx(rcx);
        ulong frames = level > MappingSize.Size1G ? 0 : LargePages.FramesOf(level);
        bool valid = frames != 0 && (frame & (frames - 1)) == 0;
        if (!valid || !_core.Memory.Layout.Contains(Page.AddressOf(frame), frames << Page.Shift))
        {
            return (ulong)(valid ? TdxAccept.EntryFree : TdxAccept.OperandInvalid) << TdxAccept.CodeShift;
        }

        var entry = new FrameRange(frame, frames);
        uint code = _pages.Raw<TdxTracker, uint>(entry, t => t.AcceptPage(entry, level));
        if (code == TdxAccept.Success)
        {
            foreach (Memory.Frames.Chunk piece in FramePieces.Of(entry))
            {
                _core.Memory.Zero(piece);
            }
        }

        return (ulong)code << TdxAccept.CodeShift;
    }

    /// <summary>RSI_IPA_STATE_SET in realms, one call (S-CCA-01, 03, 04). EOPNOTSUPP elsewhere.</summary>
    /// <param name="start">First byte, protected address.</param>
    /// <param name="end">Behind the last byte.</param>
    /// <param name="state">EMPTY or RAM.</param>
    /// <param name="destroyedToo">Destroyed granules may become RAM, too.</param>
    /// <returns>
    /// How far it came, and whether the host rejected the rest. EINVAL for what is no range of granules or no state to set.
    /// </returns>
    public Result<(ulong Top, bool Rejected)> SetIpaState(ulong start, ulong end, RipasState state, bool destroyedToo)
    {
        const string Call = "rsi_ipa_state_set";
        using Lock.Scope held = _gate.Hold();
        Result<FrameRange> range = _core.Memory.Layout.FramesAt(start, end - start, Call);
        if ((Refuse(Call, Platform.CcaRealm) ?? range.Failure) is { } failure)
        {
            return failure;
        }

        if (state is not (RipasState.Empty or RipasState.Ram))
        {
            return new Failure(Errno.EINVAL, Call, "check state", $"State {(int)state} is neither EMPTY nor RAM.", "state");
        }

        ConversionDirection direction = state == RipasState.Ram ? ConversionDirection.ToPrivate : ConversionDirection.ToShared;
        (ulong top, bool rejected) = _pages.Raw<CcaTracker, (ulong, bool)>(
            range.Value, t => t.SetIpaState(range.Value, direction, destroyedToo));
        return (Page.AddressOf(top), rejected);
    }

    /// <summary>
    /// The share and unshare calls of pKVM (S-CCA-07), s390 (S-S390-01) and powerpc (S-PPC-01), page by page. EOPNOTSUPP elsewhere.
    /// </summary>
    /// <param name="address">First byte.</param>
    /// <param name="pages">Pages.</param>
    /// <param name="direction">Share or unshare.</param>
    /// <returns>Pages done: fewer than asked for means that the next one was refused. EINVAL for what is no range of RAM.</returns>
    public Result<ulong> SharePages(ulong address, ulong pages, ConversionDirection direction)
    {
        const string Call = "share_pages";
        using Lock.Scope held = _gate.Hold();
        Result<FrameRange> range = pages > _core.Pages.Map.Frames
            ? new Failure(Errno.EINVAL, Call, "check pages", $"{pages} pages are more than the guest has.", "pages")
            : _core.Memory.Layout.FramesAt(address, pages << Page.Shift, Call);
        return (Refuse(Call, Platform.Pkvm, Platform.S390, Platform.PowerSvm) ?? range.Failure) is { } failure
            ? failure
            : _pages.Raw<CallTracker, ulong>(range.Value, t => t.SharePages(range.Value, direction));
    }

    private bool AnyShared(FrameRange range)
    {
        for (ulong frame = range.First; frame < range.End; frame++)
        {
            if (_core.Pages.IsShared(frame))
            {
                return true;
            }
        }

        return false;
    }
}
