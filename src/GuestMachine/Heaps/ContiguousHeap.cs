using CocoGuest.Machine.Dma;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Heaps;

/// <summary>A heap whose buffers are one physical range each: one scatter entry (S-CMA-02).</summary>
internal abstract class ContiguousHeap(CmaArea area) : Heap
{
    // The sizes that the rest of the machine knows (ChunkMap).
    private static readonly int[] PieceOrders = [8, 4, 0];

    /// <summary>Bytes in use.</summary>
    public ulong UsedBytes => area.UsedFrames << Page.Shift;

    /// <inheritdoc/>
    public override void Free(ReadOnlySpan<Chunk> chunks, ulong length, bool shared, MemoryCgroup? owner) => area.Free(chunks[0].Frame, length >> Page.Shift);

    /// <inheritdoc/>
    public override SgEntry[]? TableOf(Chunk[] chunks, ulong length) => [new SgEntry(chunks[0].Address, length)];

    /// <summary>Takes a range; null when no free one is long enough.</summary>
    protected Chunk[]? Take(ulong length)
    {
        ulong frames = length >> Page.Shift;
        return area.TryAllocate(frames, out ulong first) ? [.. Pieces(first, frames)] : null;
    }

    private static IEnumerable<Chunk> Pieces(ulong first, ulong frames)
    {
        // Aligned to their size, since the whole is aligned to its own up to 1 MiB (S-CMA-02).
        foreach (int order in PieceOrders)
        {
            for (; frames >= 1UL << order; frames -= 1UL << order, first += 1UL << order)
            {
                yield return new Chunk(first, order);
            }
        }
    }
}
