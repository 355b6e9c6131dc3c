namespace CocoGuest.Machine.Memory.Frames;

/// <summary>A run of 4 KiB frames of guest-physical space.</summary>
/// <param name="First">First frame number.</param>
/// <param name="Count">Number of frames.</param>
public readonly record struct FrameRange(ulong First, ulong Count)
{
    /// <summary>Frame behind the last one.</summary>
    public ulong End => First + Count;

    /// <summary>Guest-physical address of the first byte.</summary>
    public ulong Address => Page.AddressOf(First);

    /// <summary>Length in bytes.</summary>
    public ulong Bytes => Count << Page.Shift;
}
