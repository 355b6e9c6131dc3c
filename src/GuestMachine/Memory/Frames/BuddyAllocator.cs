using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace CocoGuest.Machine.Memory.Frames;

/// <summary>
/// The guest's page allocator: hands out naturally aligned blocks of 2^order frames.
/// <para>Models: buddy orders 0..<see cref="MaxOrder"/>, split and merge; a request takes the smallest order that has a free
/// block and of that order the block with the lowest address (S-UNV-55, S-SYS-02).
/// Does not model: zones, migrate types, per-CPU lists, reclaim, watermarks, NUMA; the policy that lets large orders fail
/// although memory is there (S-UNV-55) belongs to the caller.</para>
/// <para>Guest-physical space is cut into 4 MiB blocks (the largest order). Each has a node of 32 words with one bit for each
/// buddy of each order, and each order has a <see cref="LowestBitmap"/> of the blocks whose node has a bit of that order. So
/// "lowest free" is a descent of two or three words and a look into one node of 256 bytes; merging never leaves the node.
/// A free block has exactly one bit, that of its own order. 64 bytes of node per MiB of guest.</para>
/// <para>Not thread safe: the guest's lock is held by the caller. Allocates nothing after construction.</para>
/// </summary>
public sealed class BuddyAllocator
{
    /// <summary>Largest order: 2^10 frames, 4 MiB.</summary>
    public const int MaxOrder = 10;

    private const int NodeWords = 32;
    private const int FramesPerBlock = 1 << MaxOrder;

    private readonly FrameBlocks _blocks;

    // Node of block b: words 32 b .. 32 b + 31. The bits of order o start at 2048 - (2048 >> o) and number 1024 >> o.
    private readonly ulong[] _nodes;
    private readonly LowestBitmap[] _blocksWith = new LowestBitmap[MaxOrder + 1];
    private readonly ulong[] _freeBlocks = new ulong[MaxOrder + 1];

    // Bit o is set while _freeBlocks[o] > 0.
    private uint _orders;

    /// <summary>An allocator with all of the RAM free.</summary>
    /// <param name="ram">RAM in frames, in any order, of any alignment, with or without holes. Frames outside are never handed out.</param>
    /// <exception cref="ArgumentException">Ranges overlap, or one ends behind the 64-bit address space.</exception>
    public BuddyAllocator(IReadOnlyList<FrameRange> ram)
    {
        ArgumentNullException.ThrowIfNull(ram);
        _blocks = new FrameBlocks(ram, MaxOrder);
        _nodes = new ulong[checked(_blocks.Count * NodeWords)];
        for (int order = 0; order <= MaxOrder; order++)
            _blocksWith[order] = new LowestBitmap(_blocks.Count);
        foreach (FrameRange range in _blocks.Ram)
        {
            TotalFrames += range.Count;
            PutRange(range);
        }
    }

    /// <summary>Frames that are free now.</summary>
    public ulong FreeFrames { get; private set; }

    /// <summary>Frames of RAM, free or not.</summary>
    public ulong TotalFrames { get; }

    /// <summary>Free blocks of exactly this order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The order is not 0..<see cref="MaxOrder"/>.</exception>
    public ulong FreeBlocks(int order)
    {
        CheckOrder(order);
        return _freeBlocks[order];
    }

    /// <summary>
    /// Takes 2^order frames: the smallest order that has a free block, the lowest address in it (S-UNV-55). Upper halves of a
    /// split go back.
    /// </summary>
    /// <param name="order">Order of the request.</param>
    /// <param name="frame">First frame of the block, a multiple of 2^order; 0 on failure.</param>
    /// <returns>False when no block of this order or larger is free; then nothing changed.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The order is not 0..<see cref="MaxOrder"/>.</exception>
    public bool TryAllocate(int order, out ulong frame)
    {
        CheckOrder(order);
        uint usable = _orders >> order;
        if (usable == 0)
        {
            frame = 0;
            return false;
        }
        int found = order + BitOperations.TrailingZeroCount(usable);
        int block = _blocksWith[found].Lowest();
        int buddy = LowestInNode(block, found);
        Clear(block, found, buddy);
        for (int split = found - 1; split >= order; split--)
        {
            buddy <<= 1;
            Set(block, split, buddy + 1);
        }
        FreeFrames -= 1UL << order;
        frame = _blocks.FirstFrame(block) + ((ulong)buddy << order);
        return true;
    }

    /// <summary>
    /// Gives 2^order frames back and merges them with free buddies. A block may come back in parts, and parts that were taken
    /// apart may come back as one, as long as no frame is free already.
    /// </summary>
    /// <exception cref="InvalidOperationException">The frame is not a multiple of 2^order, not RAM, or free already.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The order is not 0..<see cref="MaxOrder"/>.</exception>
    public void Free(ulong frame, int order)
    {
        CheckOrder(order);
        ulong count = 1UL << order;
        if ((frame & (count - 1)) != 0)
            ThrowBadFree(frame, order, "is not aligned to its order");
        if (!_blocks.IsRam(new FrameRange(frame, count)))
            ThrowBadFree(frame, order, "is not RAM");
        int block = _blocks.IndexOf(frame);
        int buddy = (int)(frame & (FramesPerBlock - 1)) >> order;
        if (AnyFree(block, order, buddy))
            ThrowBadFree(frame, order, "is free already");
        FreeFrames += count;
        while (order < MaxOrder && Test(block, order, buddy ^ 1))
        {
            Clear(block, order, buddy ^ 1);
            buddy >>= 1;
            order++;
        }
        Set(block, order, buddy);
    }

    /// <summary>Takes exactly these frames out, for boot-time reservations such as the swiotlb pool.</summary>
    /// <returns>False when one of them is not free or not RAM; then nothing changed. True for an empty range.</returns>
    public bool TryReserve(FrameRange range)
    {
        if (range.Count > ulong.MaxValue - range.First)
            return false;
        for (ulong frame = range.First; frame < range.End;)
        {
            if (!TryFindFree(frame, out int block, out int order))
                return false;
            frame = Span(block, order, frame).End;
        }
        for (ulong frame = range.First; frame < range.End;)
        {
            _ = TryFindFree(frame, out int block, out int order);
            FrameRange span = Span(block, order, frame);
            Clear(block, order, (int)(frame & (FramesPerBlock - 1)) >> order);
            FreeFrames -= span.Count;
            // What of the free block lies outside comes back. It has no free buddy outside the block, so nothing merges.
            PutRange(new FrameRange(span.First, frame - span.First));
            ulong end = Math.Min(span.End, range.End);
            PutRange(new FrameRange(end, span.End - end));
            frame = end;
        }
        return true;
    }

    /// <summary>True when the frame is RAM and free.</summary>
    public bool IsFree(ulong frame) => TryFindFree(frame, out _, out _);

    private static int FirstBit(int order) => 2 * FramesPerBlock - (2 * FramesPerBlock >> order);

    /// <summary>The free block of this order around the frame.</summary>
    private FrameRange Span(int block, int order, ulong frame) =>
        new(_blocks.FirstFrame(block) + ((frame & (FramesPerBlock - 1)) >> order << order), 1UL << order);

    private bool TryFindFree(ulong frame, out int block, out int order)
    {
        block = _blocks.IndexOf(frame);
        order = 0;
        if (block < 0)
            return false;
        int offset = (int)(frame & (FramesPerBlock - 1));
        for (; order <= MaxOrder; order++)
        {
            if (Test(block, order, offset >> order))
                return true;
        }
        return false;
    }

    /// <summary>Puts a range of RAM in as the largest aligned blocks that fit. Merges nothing.</summary>
    private void PutRange(FrameRange range)
    {
        FreeFrames += range.Count;
        for ((ulong frame, ulong left) = (range.First, range.Count); left != 0;)
        {
            int order = Math.Min(BitOperations.TrailingZeroCount(frame), BitOperations.Log2(left));
            order = Math.Min(order, MaxOrder);
            Set(_blocks.IndexOf(frame), order, (int)(frame & (FramesPerBlock - 1)) >> order);
            frame += 1UL << order;
            left -= 1UL << order;
        }
    }

    private bool Test(int block, int order, int buddy)
    {
        int bit = FirstBit(order) + buddy;
        return (_nodes[block * NodeWords + (bit >> 6)] >> bit & 1) != 0;
    }

    private void Set(int block, int order, int buddy)
    {
        int bit = FirstBit(order) + buddy;
        _nodes[block * NodeWords + (bit >> 6)] |= 1UL << bit;
        _blocksWith[order].Add(block);
        _freeBlocks[order]++;
        _orders |= 1U << order;
    }

    private void Clear(int block, int order, int buddy)
    {
        int bit = FirstBit(order) + buddy;
        _nodes[block * NodeWords + (bit >> 6)] &= ~(1UL << bit);
        if (LowestInNode(block, order) < 0)
            _blocksWith[order].Remove(block);
        if (--_freeBlocks[order] == 0)
            _orders &= ~(1U << order);
    }

    /// <summary>Lowest free buddy of this order in the block, or -1.</summary>
    private int LowestInNode(int block, int order) => LowestOf(block, order, 0, FramesPerBlock >> order);

    /// <summary>True when any frame of the block's part is free, inside a larger free block, as one, or in smaller ones.</summary>
    private bool AnyFree(int block, int order, int buddy)
    {
        for ((int up, int index) = (order, buddy); up <= MaxOrder; up++, index >>= 1)
        {
            if (Test(block, up, index))
                return true;
        }
        for (int down = order - 1; down >= 0; down--)
        {
            int shift = order - down;
            if (LowestOf(block, down, buddy << shift, 1 << shift) >= 0)
                return true;
        }
        return false;
    }

    /// <summary>Lowest set bit among <paramref name="count"/> buddies from <paramref name="from"/>, or -1. A power of two of bits,
    /// naturally aligned, so it is either whole words or inside one word.</summary>
    private int LowestOf(int block, int order, int from, int count)
    {
        int bit = FirstBit(order) + from;
        Span<ulong> words = _nodes.AsSpan(block * NodeWords + (bit >> 6), Math.Max(count >> 6, 1));
        if (count < 64)
        {
            ulong part = words[0] >> bit & ((1UL << count) - 1);
            return part == 0 ? -1 : from + BitOperations.TrailingZeroCount(part);
        }
        int word = words.IndexOfAnyExcept(0UL);
        return word < 0 ? -1 : from + (word << 6) + BitOperations.TrailingZeroCount(words[word]);
    }

    private static void CheckOrder(int order)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(order, MaxOrder);
    }

    [DoesNotReturn]
    private static void ThrowBadFree(ulong frame, int order, string why) =>
        throw new InvalidOperationException($"Freed block of order {order} at frame 0x{frame:x} {why}.");
}
