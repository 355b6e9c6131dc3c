namespace CocoGuest.Machine.Dma.Swiotlb;

/// <summary>The fixed part of one slot search: how many slots, how aligned, how far a step goes (S-SWI-20..22).</summary>
internal readonly struct SlotSearch
{
    private const uint PageAlignedFrom = 4096;

    private readonly ulong _startDma;
    private readonly ulong _allocAlignMask;
    private readonly ulong _keptMask;
    private readonly ulong _keptBits;
    private readonly ulong _boundarySlots;

    public SlotSearch(ulong startDma, ulong original, uint size, in SwiotlbConstraints wants)
    {
        ulong align = wants.AllocAlignMask;
        if (align == 0 && wants.MinAlignMask == 0 && size >= PageAlignedFrom)
        {
            align = Memory.Frames.Page.OffsetMask;
        }

        _startDma = startDma & wants.SegmentBoundaryMask;
        _allocAlignMask = align | SwiotlbPool.SlotOffsetMask;
        _keptMask = wants.MinAlignMask & ~_allocAlignMask;
        _keptBits = original & _keptMask;
        _boundarySlots = (wants.SegmentBoundaryMask >> SwiotlbPool.SlotShift) + 1;
        Stride = (uint)(Math.Max(_allocAlignMask, _keptMask) >> SwiotlbPool.SlotShift) + 1;
        Slots = (uint)((size + SwiotlbPool.SlotOffsetMask) >> SwiotlbPool.SlotShift);
    }

    /// <summary>Slots wanted in a row.</summary>
    public uint Slots { get; }

    /// <summary>Slots from one aligned candidate to the next.</summary>
    public uint Stride { get; }

    /// <summary>One stride on from an aligned slot is an aligned slot.</summary>
    public bool StridesStayAligned => (Stride & (Stride - 1)) == 0;

    public bool IsAligned(uint slot)
    {
        ulong address = _startDma + ((ulong)slot << SwiotlbPool.SlotShift);
        return (address & _allocAlignMask) == 0 && (address & _keptMask) == _keptBits;
    }

    public bool CrossesBoundary(uint slot)
    {
        ulong inBoundary = (((_startDma + SwiotlbPool.SlotOffsetMask) >> SwiotlbPool.SlotShift) + slot) & (_boundarySlots - 1);
        return inBoundary + Slots > _boundarySlots;
    }
}
