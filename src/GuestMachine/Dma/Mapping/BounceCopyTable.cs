using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>Models: which way each step copies, by direction of the mapping (table of S-SWI-40). Does not model: dynamic pools.</summary>
public static class BounceCopyTable
{
    // Rows: BounceCopy. Columns: DmaDirection (BIDIRECTIONAL, TO_DEVICE, FROM_DEVICE).
    private static readonly BounceWay[][] Ways =
    [
        [BounceWay.ToBounce, BounceWay.ToBounce, BounceWay.ToBounce],
        [BounceWay.ToBounce, BounceWay.ToBounce, BounceWay.None],
        [BounceWay.FromBounce, BounceWay.None, BounceWay.FromBounce],
        [BounceWay.FromBounce, BounceWay.None, BounceWay.FromBounce],
        [BounceWay.None, BounceWay.None, BounceWay.None],
    ];

    /// <summary>The way of one copy.</summary>
    public static BounceWay WayOf(BounceCopy step, DmaDirection direction) => Ways[(int)step][(int)direction];
}
