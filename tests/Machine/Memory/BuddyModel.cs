using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Tests.Machine.Memory;

/// <summary>
/// The buddy policy told in the slowest way: only the set of free frames is kept, and a free block of order k is an aligned run
/// of 2^k free frames whose parent run is not free throughout. Shares nothing with the allocator but the statement.
/// </summary>
internal sealed class BuddyModel
{
    private readonly bool[] _free;
    private readonly Bug _bug;

    public BuddyModel(IReadOnlyList<FrameRange> ram, ulong end, Bug bug)
    {
        _free = new bool[end];
        _bug = bug;
        foreach (FrameRange range in ram)
            Array.Fill(_free, true, (int)range.First, (int)range.Count);
    }

    /// <summary>Planted bugs that the comparison has to notice.</summary>
    public enum Bug
    {
        None,
        HighestAddress,
        LargestOrder,
        LeaksOnFree,
    }

    public ulong FreeFrames => (ulong)_free.Count(f => f);

    public bool IsFree(ulong frame) => frame < (ulong)_free.Length && _free[frame];

    public ulong FreeBlocks(int order) => (ulong)Blocks(order).Count();

    public ulong? Allocate(int order)
    {
        IEnumerable<int> orders = Enumerable.Range(order, BuddyAllocator.MaxOrder + 1 - order);
        foreach (int from in _bug == Bug.LargestOrder ? orders.Reverse() : orders)
        {
            var blocks = Blocks(from).ToList();
            if (blocks.Count == 0)
                continue;
            int frame = _bug == Bug.HighestAddress ? blocks[^1] : blocks[0];
            Array.Fill(_free, false, frame, 1 << order);
            return (ulong)frame;
        }
        return null;
    }

    public void Free(ulong frame, int order) =>
        Array.Fill(_free, true, (int)frame, _bug == Bug.LeaksOnFree && order > 0 ? (1 << order) - 1 : 1 << order);

    public bool Reserve(FrameRange range)
    {
        for (ulong frame = range.First; frame < range.End; frame++)
        {
            if (!IsFree(frame))
                return false;
        }
        Array.Fill(_free, false, (int)range.First, (int)range.Count);
        return true;
    }

    private IEnumerable<int> Blocks(int order)
    {
        for (int frame = 0; frame < _free.Length; frame += 1 << order)
        {
            if (AllFree(frame, order) && (order == BuddyAllocator.MaxOrder || !AllFree(frame & ~(1 << order), order + 1)))
                yield return frame;
        }
    }

    private bool AllFree(int frame, int order) =>
        frame + (1 << order) <= _free.Length && !_free.AsSpan(frame, 1 << order).Contains(false);
}
