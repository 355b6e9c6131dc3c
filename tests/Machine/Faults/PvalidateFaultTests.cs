using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Host;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Faults;

/// <summary>PVALIDATEs that are ordered to report something else than success, and what Linux makes of it.</summary>
public sealed class PvalidateFaultTests
{
    private const ulong Large = 64UL << 20;
    private const ulong LargePages = 512;
    private const string Ended = "terminated: reason set 1, code 2 (PVALIDATE)";

    [Theory]
    [InlineData(FaultPoint.PvalidateSizeMismatch, Platform.SevSnp)]
    [InlineData(FaultPoint.PvalidateNoChange, Platform.SevSnp)]
    [InlineData(FaultPoint.PvalidateSizeMismatch, Platform.SevSnpVtom)]
    [InlineData(FaultPoint.PvalidateNoChange, Platform.SevSnpVtom)]
    [Statement("S-SNP-11", "S-SNP-12", "S-SNP-33", "S-SNP-37")]
    public void Allocate_SharedWithAFailingPvalidate_EndsTheGuestWithItsReason(FaultPoint point, Platform platform)
    {
        using var test = new TestGuest(platform);
        Arm(test, new FaultSpec(point) { Times = 1 });

        Assert.Equal(Errno.EOWNERDEAD, test.TryAllocate(TestGuest.Shared, 4096).Failure!.Errno);

        Assert.StartsWith(Ended, test.Snapshot().State, StringComparison.Ordinal);
        Assert.Equal(1UL, Assert.Single(test.Guest.Faults.List()).Fired);
    }

    [Fact]
    [Statement("S-SNP-11")]
    public void Convert_LargeEntryWithASizeMismatch_FallsBackToSmallOnes()
    {
        using var test = new TestGuest();
        Arm(test, new FaultSpec(FaultPoint.PvalidateSizeMismatch) { Times = 1 });

        ConversionOutcome outcome = Convert(test, ConversionDirection.ToShared);

        Assert.Null(outcome.Failure);
        Assert.Equal(("running", 1UL), (test.Snapshot().State, test.Snapshot().Conversions.PvalidateSizeMismatches));
        Assert.Equal(LargePages + 1, test.Snapshot().Conversions.Pvalidates - PoolPvalidates());
    }

    [Fact]
    [Statement("S-SNP-11", "S-SNP-12")]
    public void Convert_LargeEntryWithNoChange_EndsTheGuest()
    {
        using var test = new TestGuest();
        Arm(test, new FaultSpec(FaultPoint.PvalidateNoChange) { Times = 1 });

        Assert.Equal(Errno.EOWNERDEAD, Convert(test, ConversionDirection.ToShared).Failure!.Errno);

        Assert.StartsWith(Ended, test.Snapshot().State, StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-SNP-20", "S-SNP-23")]
    public void Convert_BackWithASizeMismatchAtTheThirdPage_LeavesTheEarlierOnesValidated()
    {
        using var test = new TestGuest();
        Assert.Null(test.Guest.Conversions.Convert(Large, 8, ConversionDirection.ToShared, 0).Value.Failure);
        Arm(test, new FaultSpec(FaultPoint.PvalidateSizeMismatch) { Interval = 3, Times = 1 });

        Assert.NotNull(test.Guest.Conversions.Convert(Large, 8, ConversionDirection.ToPrivate, 0).Value.Failure);

        ulong first = Large >> 12;
        Assert.Equal(PageCondition.Private, test.Guest.Pages.ConditionOf(first + 1));
        Assert.Equal(PageCondition.PrivateUnvalidated, test.Guest.Pages.ConditionOf(first + 2));
        Assert.Contains("another size", test.Snapshot().State, StringComparison.Ordinal);
    }

    [Fact]
    public void Space_IsUsedUpByThePagesValidated()
    {
        using var test = new TestGuest();
        Arm(test, new FaultSpec(FaultPoint.PvalidateNoChange) { Space = (3 * 4096) + 1 });

        Assert.NotNull(test.Guest.Conversions.Convert(Large, 8, ConversionDirection.ToShared, 0).Value.Failure);

        Assert.Equal(4UL, Assert.Single(test.Guest.Faults.List()).Calls);
    }

    [Fact]
    public void FailNth_AndTaskFilter_LookAtTheProcessThatAllocates()
    {
        using var test = new TestGuest();
        GuestProcess other = test.Open();
        Arm(test, new FaultSpec(FaultPoint.PvalidateNoChange) { TaskFilter = other.Pid });

        Assert.True(test.TryAllocate(TestGuest.Shared, 4096).Ok);
        Assert.Equal(Errno.EOWNERDEAD, test.Guest.Heaps.Allocate(other, TestGuest.Shared, 4096, 2, 0).Failure!.Errno);
    }

    [Fact]
    public void FailNth_OfAnAllocation_ReachesItsPvalidates()
    {
        string[] ends = [.. Enumerable.Range(1, 12).Select(n =>
        {
            using var test = new TestGuest();
            Assert.Null(test.Guest.Faults.SetFailNth(test.Init, (uint)n));
            _ = test.TryAllocate(TestGuest.Shared, 4096);
            return test.Snapshot().State;
        })];

        Assert.Contains(ends, e => e.Contains("another size", StringComparison.Ordinal));
        Assert.Contains(ends, e => e.Contains("no change", StringComparison.Ordinal));
    }

    [Fact]
    public void Pvalidate_ElsewhereThanOnSnp_IsNeverAsked()
    {
        using var test = new TestGuest(Platform.Tdx);
        Arm(test, new FaultSpec(FaultPoint.PvalidateNoChange));

        Assert.True(test.TryAllocate(TestGuest.Shared, 4096).Ok);

        Assert.Equal(0UL, Assert.Single(test.Guest.Faults.NeverFired()).Calls);
    }

    private static ulong PoolPvalidates()
    {
        using var test = new TestGuest();
        return test.Snapshot().Conversions.Pvalidates;
    }

    private static ConversionOutcome Convert(TestGuest test, ConversionDirection direction) =>
        test.Guest.Conversions.Convert(Large, LargePages, direction, 0).Value;

    private static void Arm(TestGuest test, FaultSpec spec) => Assert.True(test.Guest.Faults.Inject(spec).Ok);
}
