using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState.Wire;

namespace CocoGuest.Machine.PageState.Kvm;

/// <summary>
/// KVM's side of the conversion interfaces, register by register: hypercall 12 (S-SEV-05), page state change by GHCB page and MSR
/// (S-SNP-26, S-SNP-38), MapGPA (S-TDX-15). For guests that make the calls themselves instead of
/// through <c>set_memory_*</c>, well-formed or not.
/// <para>Models: the checks in their order, merging, partly done entries, error codes. Does not model: the scratch area's address, answers
/// that make KVM_RUN fail, other uses of the GHCB.</para>
/// </summary>
/// <param name="vmm">Who answers the exits.</param>
/// <param name="apply">Gives frames the new state at the host; called with what the VMM did.</param>
/// <param name="isRam">Whether an address below the shared bit is the guest's.</param>
internal sealed class KvmConversions(IHypervisor vmm, Action<FrameRange, ConversionDirection> apply, Func<FrameRange, bool> isRam)
{
    private const ulong GenericAnswer = PscHeader.GenericError;
    private const ushort PagesOf2M = 512;

    /// <summary>Hypercall 12: 0, minus KVM_ENOSYS, minus KVM_EINVAL, or what the VMM answered (EAGAIN, EINVAL as minus errno).</summary>
    public long MapGpaRangeCall(ulong address, ulong pages, ulong attributes)
    {
        if (!vmm.MapGpaRangeExits)
        {
            return MapGpaRange.NotEnabled;
        }

        ulong frame = Page.FrameOf(address);
        if (!Page.IsAligned(address) || pages == 0 || frame + pages <= frame)
        {
            return MapGpaRange.Invalid;
        }

        return Exit(new FrameRange(frame, pages), MapGpaRange.DirectionOf(attributes), MapGpaRange.SizeOf(attributes)) switch
        {
            VmmAnswer.Ok => 0,
            VmmAnswer.Again => -(long)Errno.EAGAIN,
            _ => -(long)Errno.EINVAL,
        };
    }

    /// <summary>Page state change by MSR: one page, and an error in bit 63 of the response.</summary>
    public ulong PageStateChangeMsr(ulong request)
    {
        (ulong frame, PscOperation operation) = PscMsr.DecodeRequest(request);
        bool known = operation is PscOperation.Private or PscOperation.Shared;
        bool done = known && vmm.MapGpaRangeExits
            && Exit(new FrameRange(frame, 1), DirectionOf(operation), MappingSize.Size4K) == VmmAnswer.Ok;
        return PscMsr.EncodeResponse(done ? 0 : PscMsr.KvmError);
    }

    /// <summary>Page state change by GHCB page: the words are the header and its entries, and are written back as far as KVM got.</summary>
    /// <returns>Exit info 2: 0 when nothing is left to do, else an error of <see cref="PscHeader"/>.</returns>
    public ulong PageStateChange(Span<ulong> words)
    {
        if (!vmm.MapGpaRangeExits)
        {
            return GenericAnswer;
        }

        int room = Math.Min(words.Length - 1, PscHeader.MaxEntries);
        var header = PscHeader.Decode(words.IsEmpty ? 0 : words[0]);
        if (header.EndEntry >= room)
        {
            return PscHeader.InvalidHeader;
        }

        for (int at = header.CurrentEntry; at <= header.EndEntry;)
        {
            var entry = PscEntry.Decode(words[at + 1]);
            if (!IsValid(entry))
            {
                return PscHeader.InvalidEntry;
            }

            ushort pages = PagesOf(entry);
            int merged = entry.CurrentPage == pages ? 1 : Merged(words, at, header.EndEntry);
            if (entry.CurrentPage < pages && Change(entry, (ulong)merged) != VmmAnswer.Ok)
            {
                words[0] = (header with { CurrentEntry = (ushort)at }).Encode();
                return GenericAnswer;
            }

            for (int done = at; done < at + merged; done++)
            {
                words[done + 1] = (PscEntry.Decode(words[done + 1]) with { CurrentPage = pages }).Encode();
            }

            at += merged;
            words[0] = (header with { CurrentEntry = (ushort)at }).Encode();
        }

        return 0;
    }

    /// <summary>MapGPA: r10, and in r11 the address to go on from or where it failed.</summary>
    /// <param name="start">r12, with the shared bit for →shared.</param>
    /// <param name="bytes">r13.</param>
    /// <param name="sharedBit">Position of the shared bit.</param>
    public (ulong R10, ulong R11) MapGpa(ulong start, ulong bytes, int sharedBit)
    {
        ulong bit = 1UL << sharedBit;
        if (!vmm.MapGpaRangeExits)
        {
            return (TdxMapGpa.SubFunctionUnsupported, start);
        }

        ulong last = start + bytes - 1;
        if (start + bytes <= start || last >= bit << 1 || ((start ^ last) & bit) != 0)
        {
            return (TdxMapGpa.InvalidOperand, start);
        }

        if (!Page.IsAligned(start) || !Page.IsAligned(bytes))
        {
            return (TdxMapGpa.AlignmentError, start);
        }

        ConversionDirection direction = (start & bit) != 0 ? ConversionDirection.ToShared : ConversionDirection.ToPrivate;
        return Pieces(start, bytes, bit, direction);
    }

    private (ulong R10, ulong R11) Pieces(ulong start, ulong bytes, ulong bit, ConversionDirection direction)
    {
        for (ulong at = start; at < start + bytes;)
        {
            ulong length = Math.Min(TdxMapGpa.MaxPieceBytes, start + bytes - at);
            VmmAnswer answer = Exit(new FrameRange(Page.FrameOf(at & ~bit), Page.FrameOf(length)), direction, MappingSize.Size4K);
            if (answer != VmmAnswer.Ok)
            {
                return (answer == VmmAnswer.Again ? TdxMapGpa.Retry : TdxMapGpa.InvalidOperand, at);
            }

            at += length;
            if (at < start + bytes && vmm.EventPending)
            {
                return (TdxMapGpa.Retry, at);
            }
        }

        return (TdxMapGpa.Ok, 0);
    }

    private static bool IsValid(PscEntry entry) =>
        entry.CurrentPage <= PagesOf(entry) && (entry.Size == MappingSize.Size4K || (entry.Frame & (PagesOf2M - 1)) == 0);

    private static ushort PagesOf(PscEntry entry) => entry.Size == MappingSize.Size4K ? (ushort)1 : PagesOf2M;

    // Followers of the same operation and size whose first page is next and that nobody has begun.
    private static int Merged(ReadOnlySpan<ulong> words, int first, int end)
    {
        var entry = PscEntry.Decode(words[first + 1]);
        int count = 1;
        for (; first + count <= end; count++)
        {
            var next = PscEntry.Decode(words[first + count + 1]);
            bool follows = next.Operation == entry.Operation && next.Size == entry.Size && next.CurrentPage == 0
                && next.Frame == entry.Frame + ((ulong)count * PagesOf(entry)) && entry.CurrentPage == 0;
            if (!follows)
            {
                break;
            }
        }

        return count;
    }

    // A partly done entry goes on as 4K; an operation that is neither private nor shared counts as done.
    private VmmAnswer Change(PscEntry entry, ulong merged)
    {
        if (entry.Operation is not (PscOperation.Private or PscOperation.Shared))
        {
            return VmmAnswer.Ok;
        }

        var range = new FrameRange(entry.Frame + entry.CurrentPage, (merged * PagesOf(entry)) - entry.CurrentPage);
        return Exit(range, DirectionOf(entry.Operation), entry.CurrentPage == 0 ? entry.Size : MappingSize.Size4K);
    }

    private VmmAnswer Exit(FrameRange range, ConversionDirection direction, MappingSize size)
    {
        // The VMM knows its memory slots: what is no RAM it refuses.
        if (!isRam(range))
        {
            return VmmAnswer.Invalid;
        }

        VmmReply reply = vmm.Convert(new VmmExit(range, direction, size, 1));
        FrameRange done = reply.DoneOf(range);
        if (done.Count != 0)
        {
            apply(done, direction);
        }

        return reply.Answer;
    }

    private static ConversionDirection DirectionOf(PscOperation operation) =>
        operation == PscOperation.Private ? ConversionDirection.ToPrivate : ConversionDirection.ToShared;
}
