using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>Where an exporter gets the frames of its buffers, and gives them back.</summary>
internal interface IChunkSource
{
    /// <summary>
    /// Takes zeroed chunks for a length in whole pages and converts them if asked to. ENOMEM, or what the conversion returns.
    /// </summary>
    Result<Chunk[]> Allocate(ulong length, bool shared, MemoryCgroup? owner);

    /// <summary>Gives the chunks of one allocation back.</summary>
    void Free(ReadOnlySpan<Chunk> chunks, ulong length, bool shared, MemoryCgroup? owner);
}
