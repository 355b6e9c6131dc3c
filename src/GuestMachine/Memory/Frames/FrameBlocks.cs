namespace CocoGuest.Machine.Memory.Frames;

/// <summary>
/// Numbers the aligned 2^shift-frame blocks that hold RAM from 0 up without gaps, in address order, so that tables over
/// them stay small however sparse guest-physical space is.
/// </summary>
internal sealed class FrameBlocks
{
    private readonly int _shift;
    private readonly FrameRange[] _ram;
    private readonly Segment[] _segments;

    /// <summary>Takes the RAM ranges in any order; neighbours are joined.</summary>
    /// <exception cref="ArgumentException">Ranges overlap, or one ends behind frame 2^52 (the last of a 64-bit address space).</exception>
    public FrameBlocks(IReadOnlyList<FrameRange> ram, int shift)
    {
        _shift = shift;
        _ram = Normalize(ram);
        _segments = CutSegments(_ram, shift);
        Count = _segments.Length == 0 ? 0 : _segments[^1].FirstIndex + _segments[^1].Blocks;
    }

    /// <summary>Number of blocks.</summary>
    public int Count { get; }

    /// <summary>RAM in address order; ranges neither overlap nor touch.</summary>
    public ReadOnlySpan<FrameRange> Ram => _ram;

    /// <summary>Index of the block that holds the frame, or -1 when no RAM lies in that block.</summary>
    public int IndexOf(ulong frame)
    {
        ulong block = frame >> _shift;
        (int low, int high) = (0, _segments.Length - 1);
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            ref readonly Segment segment = ref _segments[middle];
            if (block < segment.FirstBlock)
                high = middle - 1;
            else if (block - segment.FirstBlock >= (ulong)segment.Blocks)
                low = middle + 1;
            else
                return segment.FirstIndex + (int)(block - segment.FirstBlock);
        }
        return -1;
    }

    /// <summary>First frame of the block with that index.</summary>
    public ulong FirstFrame(int index)
    {
        (int low, int high) = (0, _segments.Length - 1);
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            if (_segments[middle].FirstIndex <= index)
                low = middle;
            else
                high = middle - 1;
        }
        return (_segments[low].FirstBlock + (ulong)(index - _segments[low].FirstIndex)) << _shift;
    }

    /// <summary>True when all of the frames are RAM. The range must not wrap.</summary>
    public bool IsRam(FrameRange range)
    {
        (int low, int high) = (0, _ram.Length - 1);
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            FrameRange ram = _ram[middle];
            if (range.First < ram.First)
                high = middle - 1;
            else if (range.First >= ram.End)
                low = middle + 1;
            else
                return range.Count <= ram.End - range.First;
        }
        return false;
    }

    private static FrameRange[] Normalize(IReadOnlyList<FrameRange> ram)
    {
        const ulong Limit = 1UL << (64 - Page.Shift);
        var joined = new List<FrameRange>();
        foreach (FrameRange range in ram.Where(r => r.Count != 0).OrderBy(r => r.First))
        {
            if (range.First >= Limit || range.Count > Limit - range.First)
                throw new ArgumentException($"RAM at frame {range.First:x} ends behind the 64-bit address space.", nameof(ram));
            if (joined.Count == 0 || joined[^1].End < range.First)
                joined.Add(range);
            else if (joined[^1].End == range.First)
                joined[^1] = joined[^1] with { Count = joined[^1].Count + range.Count };
            else
                throw new ArgumentException($"RAM ranges overlap at frame {range.First:x}.", nameof(ram));
        }
        return [.. joined];
    }

    private static Segment[] CutSegments(FrameRange[] ram, int shift)
    {
        var segments = new List<Segment>();
        foreach (FrameRange range in ram)
        {
            ulong first = range.First >> shift;
            ulong end = ((range.End - 1) >> shift) + 1;
            if (segments.Count > 0)
            {
                // Two ranges may share a block, or end and begin in neighbours: then they are one segment.
                Segment last = segments[^1];
                ulong lastEnd = last.FirstBlock + (ulong)last.Blocks;
                if (first <= lastEnd)
                {
                    segments[^1] = last with { Blocks = checked((int)(end - last.FirstBlock)) };
                    continue;
                }
            }
            int index = segments.Count == 0 ? 0 : segments[^1].FirstIndex + segments[^1].Blocks;
            segments.Add(new Segment(first, checked((int)(end - first)), index));
        }
        return [.. segments];
    }

    /// <summary>Consecutive blocks: number of the first in guest-physical space, how many, and the index of the first.</summary>
    private readonly record struct Segment(ulong FirstBlock, int Blocks, int FirstIndex);
}
