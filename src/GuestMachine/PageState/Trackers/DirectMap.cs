using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// The kernel's direct map: who says private or shared for each frame, and with entries of which size.
/// <para>Models: step 4 of S-SETM-10 in ascending order of addresses: an entry that already says the right thing is left alone, one that
/// the range covers changes in place, any other is split one level down (1G → 512 of 2M, 2M → 512 of 4K) and looked at again; ENOMEM
/// in the middle leaves the entries before it changed (S-SETM-13). Split entries are never collapsed (S-SETM-45).</para>
/// <para>Does not model: the alias in the kernel image mapping, holes in guest-physical space, page-table pages as memory.</para>
/// </summary>
internal sealed class DirectMap
{
    private readonly PageStateMap _map;

    // Per 2 MiB region the size of the entry that maps it; all 512 regions of a 1G entry say 1G.
    private readonly MappingSize[] _sizes;

    public DirectMap(PageStateMap map)
    {
        _map = map;
        _sizes = new MappingSize[LargePages.Regions(map.Frames)];
        ulong whole1G = (map.Frames & ~(LargePages.Frames1G - 1)) >> LargePages.Shift2M;
        ulong whole2M = map.Frames >> LargePages.Shift2M;
        _sizes.AsSpan(0, (int)whole1G).Fill(MappingSize.Size1G);
        _sizes.AsSpan((int)whole1G, (int)(whole2M - whole1G)).Fill(MappingSize.Size2M);
    }

    public MappingSize SizeAt(ulong frame) => _sizes[LargePages.RegionOf(frame)];

    /// <summary>Changes the entries of the range.</summary>
    /// <param name="range">Frames.</param>
    /// <param name="direction">What the entries have to say afterwards.</param>
    /// <param name="apply">Writes the state bytes of frames whose entries change.</param>
    /// <param name="faults">Splits to fail.</param>
    /// <param name="call">The call, for <paramref name="faults"/>.</param>
    /// <param name="splits">Splits done.</param>
    /// <returns>False when a split had no memory.</returns>
    public bool Change(
        FrameRange range,
        ConversionDirection direction,
        IEntryWriter apply,
        IConversionFaults faults,
        in ConversionCall call,
        out uint splits)
    {
        bool shared = direction == ConversionDirection.ToShared;
        splits = 0;
        for (ulong at = range.First; at < range.End;)
        {
            MappingSize size = SizeAt(at);
            ulong frames = LargePages.FramesOf(size);
            if (size == MappingSize.Size4K)
            {
                FrameRange part = LargePages.HeadInRegion(new FrameRange(at, range.End - at));
                apply.WriteEntries(part, direction);
                at = part.End;
            }
            else if (IsPteShared(at) == shared)
            {
                at = Math.Min(range.End, (at & ~(frames - 1)) + frames);
            }
            else if (LargePages.Fits(at, range.End, frames))
            {
                apply.WriteEntries(new FrameRange(at, frames), direction);
                at += frames;
            }
            else
            {
                if (faults.SplitFails(call, splits + 1))
                    return false;
                splits++;
                Split(at, size);
            }
        }
        return true;
    }

    /// <summary>
    /// The run of equal-sized entries that the range begins with, whole entries even where the range covers only a part of one.
    /// </summary>
    public (FrameRange Entries, MappingSize Size) EntriesAt(FrameRange range)
    {
        MappingSize size = SizeAt(range.First);
        ulong frames = LargePages.FramesOf(size);
        ulong first = range.First & ~(frames - 1);
        ulong at = range.First;
        while (at < range.End && SizeAt(at) == size)
            at = Math.Min(range.End, (at | (LargePages.Frames2M - 1)) + 1);
        ulong end = (at + frames - 1) & ~(frames - 1);
        return (new FrameRange(first, end - first), size);
    }

    private bool IsPteShared(ulong frame) => (_map.Word(frame) & PageWord.PteShared) != 0;

    private void Split(ulong frame, MappingSize size)
    {
        ulong region = LargePages.RegionOf(frame);
        if (size == MappingSize.Size2M)
        {
            _sizes[region] = MappingSize.Size4K;
            return;
        }
        ulong first = region & ~(LargePages.Frames2M - 1);
        _sizes.AsSpan((int)first, (int)LargePages.Frames2M).Fill(MappingSize.Size2M);
    }
}
