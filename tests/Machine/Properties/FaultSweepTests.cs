using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>Every operation with its n-th internal allocation or conversion failing leaves the state as it was.</summary>
public sealed class FaultSweepTests
{
    private const ulong Size = SweptOperations.Size;

    public static IEnumerable<object[]> Cases =>
        from name in SweptOperations.All.Keys
        from platform in (Platform[])[Platform.SevSnp, Platform.Tdx, Platform.Sev, Platform.None]
        where !name.Contains("bounced", StringComparison.Ordinal) || platform != Platform.None
        select new object[] { name, platform };

    [Theory]
    [Statement("S-SYS-06", "S-SYS-08", "S-SYS-23", "S-SYS-24", "S-HEAP-23")]
    [MemberData(nameof(Cases))]
    public void AnyOperation_WithItsNthAllocationFailing_LeavesTheStateAsItWas(string name, Platform platform)
    {
        SweptOperation operation = SweptOperations.All[name];

        SweepResult result = FaultSweep.Run(() => Make(platform), operation.Prepare, operation.Run);

        // Large pages that fail are tried smaller (S-SYS-02), so not every fault fails the call.
        Assert.True(result.Failed + result.Ended <= result.Points, result.ToString());

        // The heap re-encrypts chunks that it never converted: SNP ends the guest, TDX refuses, and the heap leaks (S-SYS-24).
        Assert.Equal(operation.CannotFail, result.Points == 0);
        bool converts = name == "allocate shared";
        Assert.Equal(converts && platform == Platform.Tdx, result.Leaked != 0);
        Assert.Equal(converts && platform == Platform.SevSnp, result.Ended != 0);
    }

    [Fact]
    [Statement("S-SYS-23", "S-SYS-29")]
    public void Allocate_WithConversionBackFailingToo_LeaksByTheRuleAndNoMore()
    {
        SweepResult result = FaultSweep.Run(
            () => Make(Platform.Sev),
            t => Assert.True(t.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailEncrypt) { Times = 1 }).Ok),
            SweptOperations.All["allocate shared"].Run);

        Assert.True(result is { Points: > 0, Failed: > 0, Ended: 0 }, result.ToString());
        Assert.NotEqual(0UL, result.Leaked);
    }

    [Fact]
    public void Planted_FailureThatKeepsAFrame_IsCaught() =>
        Assert.Throws<Violation>(() => FaultSweep.Run(() => Make(Platform.SevSnp), _ => { }, (g, p) =>
        {
            Result<BufferHandle> result = g.Heaps.Allocate(p, TestGuest.Private, Size, 2, 0);
            return result.Ok || g.Frames.TryAllocate(0, out _) ? result.Failure : null;
        }));

    [Theory]
    [InlineData(TestGuest.Private)]
    [InlineData(TestGuest.Shared)]
    public void Planted_FailureThatWroteMemory_IsCaught(string heap) =>
        Assert.Contains("content", Assert.Throws<Violation>(() => FaultSweep.Run(
            () => Make(Platform.SevSnp),
            t => t.Map(t.Allocate(heap, Size)),
            (g, p) =>
            {
                _ = g.Mappings.Store(p, p.Addresses.Ascending().First().Start + 5000, [1, 2, 3]);
                return g.Heaps.Allocate(p, TestGuest.Private, Size, 2, 0).Failure;
            })).Message, StringComparison.Ordinal);

    [Fact]
    public void Planted_FailureThatTookAFenceSlot_IsCaught() =>
        Assert.Throws<Violation>(() => FaultSweep.Run(() => Make(Platform.SevSnp), t => t.Allocate(TestGuest.Private, Size), (g, p) =>
        {
            _ = g.Buffers.AttachFence(p, 3, 1);
            return g.Heaps.Allocate(p, TestGuest.Private, Size, 2, 0).Failure;
        }));

    [Fact]
    public void Planted_FailureThatKeepsAnFd_IsCaught() =>
        Assert.Throws<Violation>(() => FaultSweep.Run(() => Make(Platform.SevSnp), _ => { }, (g, p) =>
        {
            int fd = g.Memfds.Create(p, allowSealing: false) is { Ok: true } made ? made.Value : -1;
            Failure? failure = g.Heaps.Allocate(p, TestGuest.Private, Size, 2, 0).Failure;
            _ = failure is null && g.Buffers.Release(p, fd) is null;
            return failure;
        }));

    private static TestGuest Make(Platform platform) =>
        new(platform, shape: s => s with { MemoryBytes = 64UL << 20, Swiotlb = "2048" });
}
