namespace CocoGuest.Machine.Dma.Swiotlb;

/// <summary>What one device and one request ask of a slot search (S-SWI-20..22).</summary>
/// <param name="MinAlignMask">Low address bits that bouncing must keep, 2^n − 1 or 0 (bytes).</param>
/// <param name="SegmentBoundaryMask">A mapping may not cross a multiple of this + 1, 2^n − 1 (bytes).</param>
/// <param name="Cpu">CPU that maps; its number modulo the areas is the first area searched (S-SWI-26).</param>
/// <param name="AllocAlignMask">Alignment of the allocation itself, 2^n − 1 or 0; streaming mappings pass 0 (bytes).</param>
public readonly record struct SwiotlbConstraints(ulong MinAlignMask, ulong SegmentBoundaryMask, int Cpu, ulong AllocAlignMask = 0)
{
    /// <summary>Bytes of an original address that the bounce address keeps (S-SWI-20).</summary>
    public ulong OffsetOf(ulong original) => original & MinAlignMask & (AllocAlignMask | SwiotlbPool.SlotOffsetMask);

    /// <summary>Bytes that a mapping needs in the pool: offset included, alignment applied (S-SWI-20).</summary>
    public ulong AllocationSize(ulong original, ulong mappingSize) =>
        (mappingSize + OffsetOf(original) + AllocAlignMask) & ~AllocAlignMask;

    /// <summary>The part of the offset inside one slot.</summary>
    internal ulong OffsetInSlot(ulong original) => original & MinAlignMask & SwiotlbPool.SlotOffsetMask;
}
