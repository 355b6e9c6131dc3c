using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Heaps;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Profiles;

/// <summary>The table of kernel profiles (S-UP-20), as data and in what a guest answers.</summary>
public sealed class KernelProfileTests
{
    [Fact]
    public void All_Rows_StandAtTheirNumberAndHaveOneName()
    {
        Assert.Equal(Enum.GetValues<KernelVersion>(), KernelProfile.All.Select(k => k.Version));
        Assert.All(KernelProfile.All, k => Assert.Same(k, KernelProfile.Find(k.Name)));
    }

    [Theory]
    [Statement("S-UP-20", "S-UP-24", "S-UP-09", "S-UP-07")]
    [InlineData(KernelVersion.V619, 0UL, null, DmaAttributes.None, true)]
    [InlineData(KernelVersion.SeedV1, 1UL, null, DmaAttributes.CcDecrypted, true)]
    [InlineData(KernelVersion.V71, 0UL, "system_cc_shared", DmaAttributes.CcShared, true)]
    [InlineData(KernelVersion.V72, 0UL, "system_cc_shared", DmaAttributes.CcShared, true)]
    [InlineData(KernelVersion.V73, 0UL, "system_cc_shared", DmaAttributes.CcShared, false)]
    public void Of_Kernel_HasTheRowOfTheTable(
        KernelVersion kernel, ulong heapFlags, string? sharedHeap, DmaAttributes attribute, bool forces)
    {
        var profile = KernelProfile.Of(kernel);
        var rules = DmaKernelRules.Of(kernel);

        Assert.Equal((heapFlags, sharedHeap), (profile.SystemHeapFlags, profile.SharedHeapName));
        Assert.Equal((attribute, forces), (rules.SharedAttribute, rules.PlatformForcesBounce));
    }

    [Theory]
    [Statement("S-UP-13")]
    [InlineData(KernelVersion.V72, false)]
    [InlineData(KernelVersion.V73, true)]
    public void Of_Kernel_FollowsTheSharedStateSince73(KernelVersion kernel, bool follows)
    {
        var rules = DmaKernelRules.Of(kernel);

        Assert.Equal((follows, follows, !follows), (rules.FollowsSharedState, rules.HighWaterIsOptIn, rules.PlatformForcesBounce));
    }

    [Fact]
    [Statement("S-UP-22", "S-UNV-58")]
    public void GuestShape_NothingSaid_RunsKernel72() => Assert.Equal("7.2", KernelProfile.Of(new GuestShape().Kernel).Name);

    [Theory]
    [Statement("S-HEAP-14")]
    [InlineData(KernelVersion.SeedV1, "system", 1UL)]
    [InlineData(KernelVersion.SeedV1, "cma", 0UL)]
    [InlineData(KernelVersion.V72, "system", 0UL)]
    [InlineData(KernelVersion.V72, "system_cc_shared", 0UL)]
    public void HeapNodes_ValidHeapFlags_AreOfTheHeap(KernelVersion kernel, string heap, ulong flags)
    {
        using var test = new TestGuest(kernel: kernel, shape: s => s with { Cma = "64M" });

        HeapInfo node = Assert.Single(test.Guest.HeapNodes, h => heap == "cma" ? h.Kind == HeapKind.Cma : h.Name == heap);

        Assert.Equal(flags, node.ValidHeapFlags);
    }

    [Theory]
    [Statement("S-HEAP-42", "S-UP-10", "S-UP-16")]
    [InlineData(KernelVersion.V71)]
    [InlineData(KernelVersion.V72)]
    [InlineData(KernelVersion.V73)]
    public void Allocate_SharedHeapNotBuiltIn_HasNoNode(KernelVersion kernel)
    {
        using var test = new TestGuest(kernel: kernel, shape: s => s with { Heaps = ["system"] });

        Assert.Equal(Errno.ENOENT, test.TryAllocate(TestGuest.Shared, 4096).Failure!.Errno);
        Assert.Equal(["system"], test.Guest.HeapNodes.Select(h => h.Name));
    }

    [Theory]
    [Statement("S-UP-04")]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void Allocate_SystemHeapOfACocoGuest_IsPrivate(Platform platform)
    {
        using var test = new TestGuest(platform);
        int fd = test.Allocate(TestGuest.Private, 1 << 20);

        Assert.False(test.Stat(fd).Shared);
        Assert.All(test.Stat(fd).Chunks, c => Assert.False(test.Guest.Pages.IsShared(c.Frame)));
    }
}
