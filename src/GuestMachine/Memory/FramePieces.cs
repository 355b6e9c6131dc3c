using System.Numerics;
using CocoGuest.Machine.DmaBufs;

namespace CocoGuest.Machine.Memory;

/// <summary>A run of frames as power-of-two pieces, largest first.</summary>
internal static class FramePieces
{
    /// <summary>The pieces, in order; they add up to the range.</summary>
    public static IEnumerable<Chunk> Of(FrameRange range)
    {
        ulong first = range.First;
        for (ulong left = range.Count; left > 0;)
        {
            int order = BitOperations.Log2(left);
            yield return new Chunk(first, order);
            first += 1UL << order;
            left -= 1UL << order;
        }
    }
}
