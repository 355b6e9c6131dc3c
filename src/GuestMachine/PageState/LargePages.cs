using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState;

/// <summary>Arithmetic of 2 MiB and 1 GiB entries, in frames.</summary>
internal static class LargePages
{
    /// <summary>Frames of a 2 MiB entry.</summary>
    public const ulong Frames2M = 512;

    /// <summary>Frames of a 1 GiB entry.</summary>
    public const ulong Frames1G = 512 * Frames2M;

    /// <summary>log2 of <see cref="Frames2M"/>.</summary>
    public const int Shift2M = 9;

    /// <summary>Number of 2 MiB regions that the frames touch, the last one perhaps in part.</summary>
    public static ulong Regions(ulong frames) => (frames + Frames2M - 1) >> Shift2M;

    /// <summary>The 2 MiB region around a frame, by number.</summary>
    public static ulong RegionOf(ulong frame) => frame >> Shift2M;

    /// <summary>The part of a range that lies in the region of its first frame.</summary>
    public static FrameRange HeadInRegion(FrameRange range)
    {
        ulong toBorder = Frames2M - (range.First & (Frames2M - 1));
        return range with { Count = Math.Min(range.Count, toBorder) };
    }

    /// <summary>True when a whole entry of this size begins at the frame and fits before the end.</summary>
    public static bool Fits(ulong frame, ulong end, ulong entry) => (frame & (entry - 1)) == 0 && end - frame >= entry;

    /// <summary>Frames of an entry.</summary>
    public static ulong FramesOf(MappingSize size) => size switch
    {
        MappingSize.Size1G => Frames1G,
        MappingSize.Size2M => Frames2M,
        _ => 1,
    };
}
