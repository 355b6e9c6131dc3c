namespace CocoGuest.Machine.Dma.Swiotlb;

/// <summary>What start-up decided about the default swiotlb pool (S-SWI-04..07, S-UP-23).</summary>
/// <param name="Slots">Slots of the pool; 0 when there is none.</param>
/// <param name="Areas">Areas of the pool; 0 when there is none.</param>
/// <param name="Force">Why every mapping bounces.</param>
/// <param name="TrackHighWater">The counters of S-SWI-52 were asked for (7.3).</param>
/// <param name="Messages">Log lines in order, without the subsystem prefix.</param>
public sealed record SwiotlbPlan(uint Slots, uint Areas, SwiotlbForce Force, bool TrackHighWater, IReadOnlyList<string> Messages)
{
    /// <summary>True when a pool is made.</summary>
    public bool HasPool => Slots != 0;

    /// <summary>Bytes of the pool.</summary>
    public ulong Bytes => (ulong)Slots << SwiotlbPool.SlotShift;
}
