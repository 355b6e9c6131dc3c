using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState.Wire;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>
/// One batch of at most 64 page-state-change entries as Linux fills it from a range (S-SNP-23): a 2 MiB entry where the frame is aligned
/// and 2 MiB remain, else 4 KiB. Kept as runs of equal-sized neighbours, which is also how KVM merges them; since 4 KiB entries can come
/// only before and behind the aligned middle, there are at most three.
/// </summary>
internal readonly struct PscBatch
{
    private readonly FrameRange _run0;
    private readonly FrameRange _run1;
    private readonly FrameRange _run2;
    private readonly bool _firstIs2M;

    private PscBatch(ReadOnlySpan<FrameRange> runs, bool firstIs2M)
    {
        Runs = runs.Length;
        _run0 = runs[0];
        _run1 = runs.Length > 1 ? runs[1] : default;
        _run2 = runs.Length > 2 ? runs[2] : default;
        _firstIs2M = firstIs2M;
        End = runs[^1].End;
    }

    /// <summary>Number of runs, 1 to 3.</summary>
    public int Runs { get; }

    /// <summary>Frame behind the last entry.</summary>
    public ulong End { get; }

    /// <summary>Frames and entry size of a run; sizes alternate.</summary>
    public (FrameRange Range, MappingSize Size) this[int index] => (
        index == 0 ? _run0 : index == 1 ? _run1 : _run2,
        _firstIs2M == (index != 1) ? MappingSize.Size2M : MappingSize.Size4K);

    /// <summary>Fills a batch from the frames from <paramref name="first"/> to before <paramref name="end"/>.</summary>
    public static PscBatch Fill(ulong first, ulong end)
    {
        Span<FrameRange> runs = stackalloc FrameRange[3];
        int count = 0;
        ulong room = PscHeader.LinuxBatchEntries;
        for (ulong at = first; at < end && room > 0;)
        {
            (ulong entries, ulong frames) = NextRun(at, end, room);
            runs[count++] = new FrameRange(at, entries * frames);
            room -= entries;
            at += entries * frames;
        }
        return new PscBatch(runs[..count], LargePages.Fits(first, end, LargePages.Frames2M));
    }

    private static (ulong Entries, ulong FramesOfEach) NextRun(ulong at, ulong end, ulong room)
    {
        if (LargePages.Fits(at, end, LargePages.Frames2M))
            return (Math.Min(room, (end - at) / LargePages.Frames2M), LargePages.Frames2M);
        ulong border = (at + LargePages.Frames2M - 1) & ~(LargePages.Frames2M - 1);
        bool largeFollows = border < end && LargePages.Fits(border, end, LargePages.Frames2M);
        return (Math.Min(room, (largeFollows ? border : end) - at), 1);
    }
}
