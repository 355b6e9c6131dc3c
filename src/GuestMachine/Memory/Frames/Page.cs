namespace CocoGuest.Machine.Memory.Frames;

/// <summary>Page arithmetic. Addresses and lengths are bytes, frames are 4 KiB units of guest-physical space.</summary>
public static class Page
{
    /// <summary>log2 of the page size.</summary>
    public const int Shift = 12;

    /// <summary>Bytes of a page.</summary>
    public const ulong Size = 1UL << Shift;

    /// <summary>Low bits inside a page.</summary>
    public const ulong OffsetMask = Size - 1;

    /// <summary>True when the address is a multiple of the page size.</summary>
    public static bool IsAligned(ulong address) => (address & OffsetMask) == 0;

    /// <summary>Frame that holds the address.</summary>
    public static ulong FrameOf(ulong address) => address >> Shift;

    /// <summary>First byte of the frame.</summary>
    public static ulong AddressOf(ulong frame) => frame << Shift;

    /// <summary>Length rounded up to whole pages; 0 when the rounding wraps (S-HEAP-23 step 4).</summary>
    public static ulong AlignUp(ulong length) => (length + OffsetMask) & ~OffsetMask;
}
