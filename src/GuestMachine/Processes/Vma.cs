using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Processes;

/// <summary>One mapping in an emulated process: of a dma-buf or of a GEM object. It holds a reference on the memory (S-BUF-34).</summary>
/// <param name="Start">First address, page-aligned.</param>
/// <param name="Length">Bytes, whole pages.</param>
/// <param name="Buffer">The buffer.</param>
/// <param name="Offset">Where the mapping begins in the buffer, in bytes.</param>
/// <param name="Protection">Rights of the mapping.</param>
/// <param name="Private">MAP_PRIVATE: what is stored would go to a copy, which is not modelled.</param>
internal sealed record Vma(ulong Start, ulong Length, MemoryFile Buffer, ulong Offset, MapProtection Protection, bool Private)
{
    public ulong End => Start + Length;
}
