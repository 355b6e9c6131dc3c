using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState.Wire;

namespace CocoGuest.Machine.PageState.Trackers;

/// <content>The instructions by themselves, one entry each: what guest and host get that use them past their kernels.</content>
internal sealed partial class SnpTracker
{
    /// <summary>PVALIDATE (S-SNP-10, 28): the frames are assigned and the entry is inside the guest.</summary>
    /// <returns>The code, and the carry flag: the entry was in that state already.</returns>
    public (uint Code, bool NoChange) Pvalidate(FrameRange entry, MappingSize size, bool validate)
    {
        Tally.Pvalidates++;
        if (size == MappingSize.Size2M && _smashed[LargePages.RegionOf(entry.First)])
        {
            Tally.PvalidateSizeMismatches++;
            return (RmpCodes.SizeMismatch, false);
        }

        if (!IsMutable(entry))
        {
            return (RmpCodes.BadInput, false);
        }

        if (size == MappingSize.Size4K)
        {
            Touch4K(entry.First);
        }

        byte to = validate ? Valid : Invalid;
        Span<byte> words = Map.Words(entry);
        bool same = (words[0] & PageWord.Unvalidated) == to;
        if (!same)
        {
            Invalidate(words, to);
        }

        return (RmpCodes.Ok, same);
    }

    /// <summary>RMPUPDATE of one entry (S-SNP-02 to 04); 2 MiB over 512 unassigned entries make one again.</summary>
    /// <returns>The code; EFAULT for an immutable entry.</returns>
    public Result<uint> RmpUpdate(FrameRange entry, MappingSize size, bool assign)
    {
        ulong region = LargePages.RegionOf(entry.First);
        FrameRange around = LargePages.HeadInRegion(
            new FrameRange(region << LargePages.Shift2M, Map.Frames - (region << LargePages.Shift2M)));
        bool assigned = size == MappingSize.Size2M ? IsAnyAssigned(entry) : IsAnyAssigned(around);
        if (assigned && (size == MappingSize.Size2M) == _smashed[region])
        {
            return RmpCodes.Overlap;
        }

        if (!IsMutable(entry))
        {
            return Immutable(entry);
        }

        _smashed[region] = size == MappingSize.Size4K;
        Update(entry, size, assign ? ConversionDirection.ToPrivate : ConversionDirection.ToShared);
        return RmpCodes.Ok;
    }

    /// <summary>PSMASH (S-SNP-05): 512 entries of 4 KiB with the same state.</summary>
    public uint Psmash(ulong frame)
    {
        ulong region = LargePages.RegionOf(frame);
        if (_smashed[region] || (frame & (LargePages.Frames2M - 1)) != 0 || !IsAssigned(Map.Word(frame)))
        {
            return RmpCodes.BadInput;
        }

        Touch4K(frame);
        return RmpCodes.Ok;
    }

    private bool IsAnyAssigned(FrameRange range)
    {
        foreach (byte word in Map.Words(range))
        {
            if (IsAssigned(word))
            {
                return true;
            }
        }

        return false;
    }
}
