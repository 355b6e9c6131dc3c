namespace CocoGuest.Machine.Memory.Frames;

/// <summary>One block of pages of a buffer: one entry of its scatter table (S-SYS-06).</summary>
/// <param name="Frame">First frame.</param>
/// <param name="Order">2^Order pages: 8, 4 or 0 (S-SYS-01).</param>
public readonly record struct Chunk(ulong Frame, int Order)
{
    /// <summary>Pages of the chunk.</summary>
    public ulong Pages => 1UL << Order;

    /// <summary>Bytes of the chunk.</summary>
    public ulong Bytes => Page.Size << Order;

    /// <summary>Guest-physical address of the first byte.</summary>
    public ulong Address => Page.AddressOf(Frame);

    /// <summary>The chunk's frames.</summary>
    public FrameRange Range => new(Frame, Pages);
}
