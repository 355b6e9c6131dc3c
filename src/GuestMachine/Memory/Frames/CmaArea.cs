namespace CocoGuest.Machine.Memory.Frames;

/// <summary>
/// The contiguous area of <c>cma=</c>: first fit from its start, aligned to the order of the request as far as the build option goes.
/// Models: what a CMA heap sees (S-CMA-02). Does not model: movable pages that the kernel lends from it and migrates away.
/// </summary>
internal sealed class CmaArea(FrameRange range)
{
    // CONFIG_CMA_ALIGNMENT of the recorded kernels and its default: 1 MiB.
    private const int MaxAlignmentOrder = 8;
    private readonly bool[] _used = new bool[range.Count];

    /// <summary>Frames in use.</summary>
    public ulong UsedFrames { get; private set; }

    /// <summary>Takes contiguous frames.</summary>
    /// <returns>False when no free range is long enough (ENOMEM).</returns>
    public bool TryAllocate(ulong frames, out ulong first)
    {
        ulong alignment = 1UL << Math.Min(MaxAlignmentOrder, OrderOf(frames));
        for (ulong at = AlignUp(range.First, alignment); at + frames <= range.End;)
        {
            ulong taken = LastUsed(at, frames);
            if (taken == ulong.MaxValue)
            {
                _used.AsSpan((int)(at - range.First), (int)frames).Fill(true);
                UsedFrames += frames;
                first = at;
                return true;
            }

            at = AlignUp(taken + 1, alignment);
        }

        first = 0;
        return false;
    }

    /// <summary>Gives frames back.</summary>
    public void Free(ulong first, ulong frames)
    {
        _used.AsSpan((int)(first - range.First), (int)frames).Clear();
        UsedFrames -= frames;
    }

    private static int OrderOf(ulong frames) => 64 - System.Numerics.BitOperations.LeadingZeroCount(frames - 1);

    private static ulong AlignUp(ulong frame, ulong alignment) => (frame + alignment - 1) & ~(alignment - 1);

    // The last frame in use of a range, or MaxValue.
    private ulong LastUsed(ulong at, ulong frames)
    {
        int last = _used.AsSpan((int)(at - range.First), (int)frames).LastIndexOf(true);
        return last < 0 ? ulong.MaxValue : at + (ulong)last;
    }
}
