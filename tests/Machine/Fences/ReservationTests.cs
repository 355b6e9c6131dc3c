using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Fences;

public sealed class ReservationTests
{
    private readonly Reservation _reservation = new();

    [Theory]
    [Statement("S-RESV-01", "S-RESV-05")]
    [InlineData(FenceUsage.Kernel, 1)]
    [InlineData(FenceUsage.Write, 2)]
    [InlineData(FenceUsage.Read, 3)]
    [InlineData(FenceUsage.Bookkeep, 4)]
    public void Of_OneFenceOfEachUsage_SeesThisAndLowerOnes(FenceUsage usage, int seen)
    {
        for (uint context = 1; context <= 4; context++)
        {
            Add(new Fence(context, 1, "d", "t"), (FenceUsage)(context - 1));
        }

        Assert.Equal(seen, _reservation.Of(usage).Count());
    }

    [Theory]
    [Statement("S-RESV-02")]
    [InlineData(true, FenceUsage.Read)]
    [InlineData(false, FenceUsage.Write)]
    public void UsageFor_WriterAndReader_IsReadAndWrite(bool write, FenceUsage usage) => Assert.Equal(usage, Reservation.UsageFor(write));

    [Theory]
    [Statement("S-RESV-03")]
    [InlineData(FenceUsage.Read, FenceUsage.Write, 2u, 1)]
    [InlineData(FenceUsage.Write, FenceUsage.Write, 2u, 1)]
    [InlineData(FenceUsage.Write, FenceUsage.Read, 2u, 2)]
    [InlineData(FenceUsage.Read, FenceUsage.Write, 0u, 2)]
    public void Add_SecondFenceOfTheContext_ReplacesOnlyAnEarlierOneOfNoLowerUsage(FenceUsage old, FenceUsage usage, uint seqno, int slots)
    {
        Add(new Fence(1, 1, "d", "t"), old);

        Add(new Fence(1, seqno, "d", "t"), usage);

        Assert.Equal(slots, _reservation.Count);
    }

    [Fact]
    [Statement("S-RESV-03")]
    public void Add_AfterASignal_TakesTheSignalledFencesPlace()
    {
        var first = new Fence(1, 1, "d", "t");
        Add(first, FenceUsage.Write);
        first.Signal(1);

        Add(new Fence(2, 1, "d", "t"), FenceUsage.Read);

        Assert.Equal((1, false), (_reservation.Count, _reservation.TestSignalled(FenceUsage.Read)));
    }

    [Fact]
    [Statement("S-RESV-03")]
    public void Add_WithoutAReservedSlot_IsAMistake() =>
        Assert.Throws<InvalidOperationException>(() => _reservation.Add(new Fence(1, 1, "d", "t"), FenceUsage.Write));

    [Fact]
    public void IsLaterThan_NumbersThatWrap_GoesByTheirDistance() =>
        Assert.True(new Fence(1, 1, "d", "t").IsLaterThan(new Fence(1, uint.MaxValue, "d", "t")));

    [Theory]
    [Statement("S-BUF-101", "S-BUF-103")]
    [InlineData(KernelVersion.V612, "write fence:sw_sync heapprobe seq 1 unsignalled", "write fence:sw_sync heapprobe seq 1 signalled")]
    [InlineData(KernelVersion.V72, "write fence:37:1 heapprobe sw_sync unsignalled", "write fence:37:1   signalled")]
    [InlineData(KernelVersion.V73, "write fence:37:1 heapprobe sw_sync unsignalled", "write fence:37:1   signalled")]
    public void Describe_AFenceBeforeAndAfter_IsTheKernelsLine(KernelVersion kernel, string before, string after)
    {
        var fence = new Fence(37, 1, "sw_sync", "heapprobe");
        Add(fence, FenceUsage.Write);
        Add(new Fence(38, 1, "d", "t"), FenceUsage.Bookkeep);
        Assert.Equal([before], _reservation.Describe(FenceRules.Of(kernel)));

        fence.Signal(1, Errno.None);

        Assert.Equal([after], _reservation.Describe(FenceRules.Of(kernel)));
    }

    private void Add(Fence fence, FenceUsage usage)
    {
        _reservation.Reserve(1);
        _reservation.Add(fence, usage);
    }
}
