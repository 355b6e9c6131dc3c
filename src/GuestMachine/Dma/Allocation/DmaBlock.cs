using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine.Dma.Allocation;

/// <summary>Memory that a DMA allocation took.</summary>
/// <param name="Phys">Guest-physical address, page-aligned.</param>
/// <param name="Bytes">Whole pages.</param>
/// <param name="Source">Where it came from.</param>
/// <param name="Shared">The memory is shared with the host.</param>
internal sealed record DmaBlock(ulong Phys, ulong Bytes, DmaMemorySource Source, bool Shared)
{
    /// <summary>The memfd of host-visible memory; null where the bytes lie in the guest's own store: private memory, pools.</summary>
    public VisibleBacking? Backing { get; init; }

    /// <summary>Where the guest's memory knows <see cref="Backing"/>.</summary>
    public int BackingSlot { get; init; }

    /// <summary>Its frames.</summary>
    public FrameRange Range => new(Page.FrameOf(Phys), Bytes >> Page.Shift);
}
