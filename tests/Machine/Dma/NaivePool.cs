namespace CocoGuest.Tests.Machine.Dma;

/// <summary>
/// The slot allocator again, as S-SWI-20..25 read word for word: a flag per slot, free runs counted when asked, every step walked.
/// </summary>
/// <param name="start">Address of slot 0.</param>
/// <param name="slots">Slots.</param>
/// <param name="areas">Areas.</param>
/// <param name="bug">A planted bug: the property must notice it.</param>
internal sealed class NaivePool(ulong start, int slots, int areas, NaivePool.Bug bug = NaivePool.Bug.None)
{
    private const int SlotBytes = 2048;
    private const int Segment = 128;

    private readonly int[] _owner = new int[slots];
    private readonly int[] _hint = new int[areas];
    private readonly Dictionary<ulong, (int First, int Count)> _live = [];
    private int _next;

    public enum Bug
    {
        None,
        RunsCrossSegments,
        HintStays,
        OriginalBitsIgnored,
    }

    public int AreaSlots => slots / areas;

    public IReadOnlyList<int> Hints => _hint;

    public IEnumerable<ulong> Live => _live.Keys;

    public int UsedIn(int area) => Enumerable.Range(area * AreaSlots, AreaSlots).Count(slot => _owner[slot] != 0);

    public int FreeRun(int slot)
    {
        int end = bug == Bug.RunsCrossSegments ? slots : (slot / Segment * Segment) + Segment;
        int run = 0;
        while (slot + run < end && _owner[slot + run] == 0)
        {
            run++;
        }

        return run;
    }

    public ulong Allocate(ulong original, long size, ulong minAlign, ulong boundary, int cpu, ulong allocAlign)
    {
        ulong offset = original & minAlign & (allocAlign | (SlotBytes - 1));
        ulong bytes = ((ulong)size + offset + allocAlign) / (allocAlign + 1) * (allocAlign + 1);
        if (bytes > Segment * SlotBytes)
        {
            return ulong.MaxValue;
        }

        int count = (int)((bytes + SlotBytes - 1) / SlotBytes);
        for (int i = 0; i < areas; i++)
        {
            int area = (cpu + i) % areas;
            int first = Find(area, count, original, bytes, minAlign, boundary, allocAlign);
            if (first < 0)
            {
                continue;
            }

            _next++;
            Array.Fill(_owner, _next, first, count); // the search saw them free: an overlap would show in the counts
            int hint = first + count - (area * AreaSlots);
            _hint[area] = bug == Bug.HintStays ? _hint[area] : hint < AreaSlots ? hint : 0;
            ulong address = start + ((ulong)first * SlotBytes) + offset;
            _live[address] = (first, count);
            return address;
        }

        return ulong.MaxValue;
    }

    public void Release(ulong address)
    {
        (int first, int count) = _live[address];
        _live.Remove(address);
        Array.Clear(_owner, first, count);
    }

    private int Find(int area, int count, ulong original, ulong bytes, ulong minAlign, ulong boundary, ulong allocAlign)
    {
        bool pageAligned = minAlign == 0 && allocAlign == 0 && bytes >= 4096;
        ulong align = pageAligned ? 4095 : allocAlign | (SlotBytes - 1);
        ulong kept = bug == Bug.OriginalBitsIgnored ? 0 : minAlign & ~align;
        int stride = (int)(Math.Max(align, kept) / SlotBytes) + 1;
        int index = _hint[area];
        for (int seen = 0; seen < AreaSlots && count <= AreaSlots - UsedIn(area);)
        {
            int slot = (area * AreaSlots) + index;
            ulong address = start + ((ulong)slot * SlotBytes);
            bool aligned = address % (align + 1) == 0 && (address & kept) == (original & kept);
            ulong lastByte = address + ((ulong)count * SlotBytes) - 1;
            bool crosses = (address & ~boundary) != (lastByte & ~boundary);
            if (aligned && !crosses && FreeRun(slot) >= count)
            {
                return slot;
            }

            int step = aligned ? stride : 1;
            seen += step;
            index = index + step >= AreaSlots ? 0 : index + step;
        }

        return -1;
    }
}
