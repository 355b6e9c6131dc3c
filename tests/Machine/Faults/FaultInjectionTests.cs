using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Host;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Faults;

/// <summary>The attributes of armed faults, one by one, and whose calls they look at.</summary>
public sealed class FaultInjectionTests
{
    private const ulong Size = 4096;

    [Fact]
    public void Interval_OfThree_FailsEveryThirdCall() =>
        Assert.Equal([3, 6, 9], FailingCalls(new FaultSpec(FaultPoint.FailFd) { Interval = 3 }, calls: 10));

    [Fact]
    public void Times_OfTwo_FailsTwice() =>
        Assert.Equal([1, 2], FailingCalls(new FaultSpec(FaultPoint.FailFd) { Times = 2 }, calls: 5));

    [Fact]
    public void Times_OfZero_NeverFails() =>
        Assert.Empty(FailingCalls(new FaultSpec(FaultPoint.FailFd) { Times = 0 }, calls: 5));

    [Fact]
    public void Probability_OfZero_NeverFails() =>
        Assert.Empty(FailingCalls(new FaultSpec(FaultPoint.FailFd) { Probability = 0 }, calls: 50));

    [Fact]
    public void Probability_OfAQuarter_FailsAboutAQuarterAndTheSameBySeed()
    {
        var spec = new FaultSpec(FaultPoint.FailFd) { Probability = 25, Seed = 7 };

        int[] failing = FailingCalls(spec, calls: 400);

        Assert.InRange(failing.Length, 60, 140);
        Assert.Equal(failing, FailingCalls(spec, calls: 400));
        Assert.NotEqual(failing, FailingCalls(spec with { Seed = 8 }, calls: 400));
    }

    [Fact]
    public void Space_LetsSmallerRequestsUseItUpFirst()
    {
        using var test = new TestGuest(Platform.None);
        Arm(test, new FaultSpec(FaultPoint.FailPageAlloc) { Space = (3 * Size) + 1 });

        bool[] made = [.. Enumerable.Range(0, 4).Select(_ => test.TryAllocate(TestGuest.Private, Size).Ok)];

        Assert.Equal([true, true, true, false], made);
    }

    [Fact]
    [Statement("S-SYS-02", "S-SYS-09")]
    public void MinOrder_LeavesSmallerBlocksAlone()
    {
        using var test = new TestGuest(Platform.None);
        Arm(test, new FaultSpec(FaultPoint.FailPageAlloc) { MinOrder = 4 });

        int fd = test.Allocate(TestGuest.Private, 1 << 20);

        Assert.All(test.Stat(fd).Chunks, chunk => Assert.Equal(0, chunk.Order));
    }

    [Fact]
    public void TaskFilter_SparesOtherProcesses()
    {
        using var test = new TestGuest(Platform.None);
        GuestProcess other = test.Open();
        Arm(test, new FaultSpec(FaultPoint.FailFd) { TaskFilter = other.Pid });

        Assert.True(test.TryAllocate(TestGuest.Private, Size).Ok);
        Assert.Equal(Errno.EMFILE, test.Guest.Heaps.Allocate(other, TestGuest.Private, Size, 2, 0).Failure!.Errno);
    }

    [Theory]
    [InlineData(Errno.None, Errno.EIO)]
    [InlineData(Errno.EINVAL, Errno.EINVAL)]
    [Statement("S-SETM-26", "S-SYS-21")]
    public void FailDecrypt_ReportsItsErrno_AsTheAllocationsResult(Errno asked, Errno reported)
    {
        using var test = new TestGuest();
        Arm(test, new FaultSpec(FaultPoint.FailDecrypt) { Times = 1, Errno = asked });

        Assert.Equal(reported, test.TryAllocate(TestGuest.Shared, Size).Failure!.Errno);
    }

    [Fact]
    public void FailNth_CountsThePointsOfItsProcessOnly_AndHitsOnce()
    {
        using var test = new TestGuest(Platform.None);
        GuestProcess armed = test.Open();
        Assert.Null(test.Guest.Faults.SetFailNth(armed, 1));

        Assert.True(test.TryAllocate(TestGuest.Private, Size).Ok);
        Assert.Equal(Errno.ENOMEM, test.Guest.Heaps.Allocate(armed, TestGuest.Private, Size, 2, 0).Failure!.Errno);
        Assert.True(test.Guest.Heaps.Allocate(armed, TestGuest.Private, Size, 2, 0).Ok);
        Assert.Equal((0u, 1UL), test.Guest.Faults.FailNthOf(armed));
    }

    [Fact]
    public void FailNth_OfTheLastCaller_IsNotSpentByTheHost()
    {
        using var test = new TestGuest();
        GuestProcess armed = test.Open();
        Assert.Null(test.Guest.Faults.SetFailNth(armed, 1));

        ConversionOutcome outcome = test.Guest.Conversions.Convert(64UL << 20, 1, ConversionDirection.ToShared, 0).Value;

        Assert.Null(outcome.Failure);
        Assert.Equal((1u, 0UL), test.Guest.Faults.FailNthOf(armed));
    }

    [Fact]
    public void NeverFired_NamesTheFaultsThatTestedNothing()
    {
        using var test = new TestGuest(Platform.None);
        Arm(test, new FaultSpec(FaultPoint.FailFd) { Times = 1 });
        ulong idle = Arm(test, new FaultSpec(FaultPoint.FailSwiotlb));

        Assert.False(test.TryAllocate(TestGuest.Private, Size).Ok);

        Assert.Equal([idle], test.Guest.Faults.NeverFired().Select(f => f.Id));
    }

    [Fact]
    public void Clear_DisarmsOneAndKnowsNoOther()
    {
        using var test = new TestGuest(Platform.None);
        ulong id = Arm(test, new FaultSpec(FaultPoint.FailFd));

        Assert.Null(test.Guest.Faults.Clear(id));

        Assert.Equal("fault_id", test.Guest.Faults.Clear(id)!.Field);
        Assert.True(test.TryAllocate(TestGuest.Private, Size).Ok);
    }

    [Fact]
    public void Inject_BeyondTheLimit_IsEnospc()
    {
        using var test = new TestGuest(Platform.None);
        for (int i = 0; i < FaultSpec.MostPerGuest; i++)
        {
            Arm(test, new FaultSpec(FaultPoint.FailSwiotlb));
        }

        Assert.Equal(Errno.ENOSPC, test.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailSwiotlb)).Failure!.Errno);
    }

    public static TheoryData<FaultSpec, string> Wrong => new()
    {
        { new FaultSpec((FaultPoint)99), "point" },
        { new FaultSpec(FaultPoint.FailFd) { Probability = 101 }, "probability" },
        { new FaultSpec(FaultPoint.FailFd) { Times = -2 }, "times" },
        { new FaultSpec(FaultPoint.FailPageAlloc) { MinOrder = 11 }, "min_order" },
        { new FaultSpec(FaultPoint.FailFd) { MinOrder = 1 }, "min_order" },
        { new FaultSpec(FaultPoint.FailFd) { Space = 1 }, "space" },
        { new FaultSpec(FaultPoint.FailFd) { Errno = Errno.EIO }, "errno" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Inject_AttributeThatThePointDoesNotHave_NamesIt(FaultSpec spec, string field)
    {
        using var test = new TestGuest(Platform.None);

        Failure failure = test.Guest.Faults.Inject(spec).Failure!;

        Assert.Equal((Errno.EINVAL, field), (failure.Errno, failure.Field));
    }

    private static ulong Arm(TestGuest test, FaultSpec spec) => test.Guest.Faults.Inject(spec).Value;

    // Numbers, from 1, of the calls that failed; what succeeds is closed again.
    private static int[] FailingCalls(FaultSpec spec, int calls)
    {
        using var test = new TestGuest(Platform.None);
        Arm(test, spec);
        return [.. Enumerable.Range(1, calls).Where(_ =>
        {
            Result<BufferHandle> made = test.TryAllocate(TestGuest.Private, Size);
            Assert.True(made.Ok || made.Failure.Errno == Errno.EMFILE);
            return !made.Ok || test.Guest.Files.Close(test.Init, made.Value.Fd) is not null;
        })];
    }
}
