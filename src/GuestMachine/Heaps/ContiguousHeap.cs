using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Heaps;

/// <summary>A heap whose buffers are one physical range each: one scatter entry (S-CMA-02).</summary>
internal abstract class ContiguousHeap(CmaArea area) : Heap
{
    /// <summary>Bytes in use.</summary>
    public ulong UsedBytes => area.UsedFrames << Page.Shift;

    /// <inheritdoc/>
    public override void Free(ReadOnlySpan<Chunk> chunks, ulong length, bool shared, MemoryCgroup? owner) =>
        area.Free(chunks[0].Frame, length >> Page.Shift);

    /// <inheritdoc/>
    public override SgEntry[]? TableOf(Chunk[] chunks, ulong length) => [new SgEntry(chunks[0].Address, length)];

    /// <summary>Takes a range; null when no free one is long enough.</summary>
    protected Chunk[]? Take(ulong length)
    {
        ulong frames = length >> Page.Shift;

        // Their pieces are aligned, since the whole is aligned to its own size up to 1 MiB (S-CMA-02).
        return area.TryAllocate(frames, out ulong first) ? [.. FramePieces.Of(new FrameRange(first, frames))] : null;
    }
}
