namespace CocoGuest.Machine.Dma.Swiotlb;

/// <summary>What one swiotlb pool is made of.</summary>
/// <param name="Name">Name of its debugfs folder: empty for the default pool, else the restricted pool's name (S-SWI-50).</param>
/// <param name="Start">Guest-physical address of slot 0, page-aligned.</param>
/// <param name="Slots">Slots, a multiple of 128.</param>
/// <param name="Areas">Areas; divides <paramref name="Slots"/> into parts of whole segments.</param>
/// <param name="Force">Why its devices always bounce.</param>
public sealed record SwiotlbPoolOptions(string Name, ulong Start, uint Slots, uint Areas, SwiotlbForce Force)
{
    /// <summary>Unencrypted DMA address of slot 0; alignment is judged on it. Default: <see cref="Start"/>.</summary>
    public ulong? StartDma { get; init; }

    /// <summary>The pool is shared memory (S-SWI-80, S-SWI-84).</summary>
    public bool Shared { get; init; }

    /// <summary>The pool could not be turned shared: every slot counts as used (7.3, S-SWI-84).</summary>
    public bool Unusable { get; init; }

    /// <summary>The kernel keeps the running counter and the high water only if asked to (7.3, S-SWI-52).</summary>
    public bool HighWaterIsOptIn { get; init; }

    /// <summary>It was asked to.</summary>
    public bool TrackHighWater { get; init; }
}
