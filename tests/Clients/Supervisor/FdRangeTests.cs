using CocoGuest.Supervisor.Launch;

namespace CocoGuest.Tests.Clients.Supervisor;

/// <summary>Where the numbers of emulated fds lie.</summary>
public class FdRangeTests
{
    [Theory]
    [InlineData(1024UL, 1048576UL, 3072, 4096)] // raised, so that the program's own 1024 numbers stay its own
    [InlineData(20000UL, 20000UL, 18976, 20000)]
    [InlineData(1024UL, 2048UL, 1536, 2048)]
    [InlineData(256UL, 256UL, 192, 256)]
    [InlineData(4096UL, 4096UL, 3072, 4096)]
    [InlineData(1UL << 40, ulong.MaxValue, (1 << 20) - 1024, 1 << 20)]
    public void Choose_Limits_TakesTheTopQuarterButAtMost1024(ulong soft, ulong hard, int floor, int limit) =>
        Assert.Equal(new FdRange(floor, limit), FdRange.Choose(soft, hard));

    [Theory]
    [InlineData(1024UL, 524288UL)]
    [InlineData(100000UL, 524288UL)]
    [InlineData(64UL, 64UL)]
    public void Choose_AnyLimits_StaysWithinTheHardOne(ulong soft, ulong hard)
    {
        var range = FdRange.Choose(soft, hard);

        Assert.InRange((ulong)range.Limit, 1UL, hard);
        Assert.InRange(range.Floor, 1, range.Limit - 1);
    }
}
