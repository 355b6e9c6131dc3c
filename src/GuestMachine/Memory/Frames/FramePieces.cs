namespace CocoGuest.Machine.Memory.Frames;

/// <summary>A run of frames as pieces of the sizes that the rest of the machine knows (<c>ChunkMap</c>), largest first.</summary>
internal static class FramePieces
{
    private static readonly int[] Orders = [8, 4, 0];

    /// <summary>
    /// The pieces, in order; they add up to the range. Each is aligned to its size if the range is to its own, up to 1 MiB.
    /// </summary>
    public static IEnumerable<Chunk> Of(FrameRange range)
    {
        ulong first = range.First;
        ulong left = range.Count;
        foreach (int order in Orders)
        {
            for (; left >= 1UL << order; left -= 1UL << order, first += 1UL << order)
            {
                yield return new Chunk(first, order);
            }
        }
    }
}
