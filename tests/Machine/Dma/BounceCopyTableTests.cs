using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Tests.Machine.Dma;

[Statement("S-SWI-40")]
public class BounceCopyTableTests
{
    [Theory]
    [InlineData(BounceCopy.Map, DmaDirection.ToDevice, BounceWay.ToBounce)]
    [InlineData(BounceCopy.Map, DmaDirection.FromDevice, BounceWay.ToBounce)]
    [InlineData(BounceCopy.Map, DmaDirection.Bidirectional, BounceWay.ToBounce)]
    [InlineData(BounceCopy.SyncForDevice, DmaDirection.ToDevice, BounceWay.ToBounce)]
    [InlineData(BounceCopy.SyncForDevice, DmaDirection.FromDevice, BounceWay.None)]
    [InlineData(BounceCopy.SyncForDevice, DmaDirection.Bidirectional, BounceWay.ToBounce)]
    [InlineData(BounceCopy.SyncForCpu, DmaDirection.ToDevice, BounceWay.None)]
    [InlineData(BounceCopy.SyncForCpu, DmaDirection.FromDevice, BounceWay.FromBounce)]
    [InlineData(BounceCopy.SyncForCpu, DmaDirection.Bidirectional, BounceWay.FromBounce)]
    [InlineData(BounceCopy.Unmap, DmaDirection.ToDevice, BounceWay.None)]
    [InlineData(BounceCopy.Unmap, DmaDirection.FromDevice, BounceWay.FromBounce)]
    [InlineData(BounceCopy.Unmap, DmaDirection.Bidirectional, BounceWay.FromBounce)]
    [InlineData(BounceCopy.UnmapSkippingSync, DmaDirection.ToDevice, BounceWay.None)]
    [InlineData(BounceCopy.UnmapSkippingSync, DmaDirection.FromDevice, BounceWay.None)]
    [InlineData(BounceCopy.UnmapSkippingSync, DmaDirection.Bidirectional, BounceWay.None)]
    public void WayOf_StepAndDirection_IsThatOfTheTable(BounceCopy step, DmaDirection direction, BounceWay expected) =>
        Assert.Equal(expected, BounceCopyTable.WayOf(step, direction));
}
