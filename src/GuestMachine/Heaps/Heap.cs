using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Heaps;

/// <summary>What stands behind one or more heap nodes: where their memory comes from and goes back to.</summary>
internal abstract class Heap : IChunkSource
{
    /// <summary>Takes memory for a length in whole pages.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="shared">Converted to shared memory; only the system heap can.</param>
    /// <param name="owner">Whom the pages are charged to, or null (S-HEAP-53).</param>
    public abstract Result<Chunk[]> Allocate(ulong length, bool shared, MemoryCgroup? owner);

    /// <summary>Takes memory back that <see cref="Allocate"/> gave.</summary>
    public abstract void Free(ReadOnlySpan<Chunk> chunks, ulong length, bool shared, MemoryCgroup? owner);

    /// <summary>The scatter table of a buffer where it has not one entry a chunk; null: it has.</summary>
    public virtual SgEntry[]? TableOf(Chunk[] chunks, ulong length) => null;
}
