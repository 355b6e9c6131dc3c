using CocoGuest.Machine;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Dma;

/// <summary>Numbers that programs and recorded runs use: attribute bits, positions of the C-bit, sizes of the pool.</summary>
public class DmaConstantsTests
{
    [Theory]
    [Statement("S-DMA-01", "S-UP-07")]
    [InlineData(DmaAttributes.WeakOrdering, 1)]
    [InlineData(DmaAttributes.WriteCombine, 2)]
    [InlineData(DmaAttributes.NoKernelMapping, 4)]
    [InlineData(DmaAttributes.SkipCpuSync, 5)]
    [InlineData(DmaAttributes.ForceContiguous, 6)]
    [InlineData(DmaAttributes.AllocSinglePages, 7)]
    [InlineData(DmaAttributes.NoWarn, 8)]
    [InlineData(DmaAttributes.Privileged, 9)]
    [InlineData(DmaAttributes.Mmio, 10)]
    [InlineData(DmaAttributes.CcDecrypted, 11)]
    [InlineData(DmaAttributes.RequireCoherent, 12)]
    [InlineData(DmaAttributes.CcShared, 13)]
    public void DmaAttributes_Bit_IsThatOfTheKernel(DmaAttributes attribute, int bit) => Assert.Equal(1 << bit, (int)attribute);

    [Theory]
    [Statement("S-DMA-01")]
    [InlineData(KernelVersion.SeedV1, DmaAttributes.CcDecrypted, 0x100000UL)]
    [InlineData(KernelVersion.V72, DmaAttributes.CcDecrypted, DmaRig.PoolStart)]
    public void MapPhys_Bit11_IsSharedMemoryInTheSeedOnly(KernelVersion kernel, DmaAttributes attributes, ulong expected) =>
        Assert.Equal(expected, new DmaRig(Platform.Sev, kernel).Map(0x100000, 4096, attributes));

    [Theory]
    [Statement("S-DMA-14", "S-UNV-08")]
    [InlineData(0u, 51)]
    [InlineData(47u, 47)]
    public void Complete_CBitPosition_Is51UnlessGiven(uint given, int expected) =>
        Assert.Equal(
            (uint)expected,
            GuestShapeRules.Complete(new GuestShape { Platform = Platform.Sev, CBitPosition = given }).Value.CBitPosition);

    [Theory]
    [Statement("S-DMA-15")]
    [InlineData(48u, true)]
    [InlineData(52u, true)]
    [InlineData(51u, false)]
    public void Complete_TdxAddressWidth_IsOneOfTheTwoThereAre(uint width, bool fine) =>
        Assert.Equal(fine, GuestShapeRules.Complete(new GuestShape { Platform = Platform.Tdx, GpaWidth = width }).Ok);

    [Theory]
    [Statement("S-DMA-19", "S-DMA-80", "S-UP-14")]
    [InlineData(Platform.None, KernelVersion.V73, false)]
    [InlineData(Platform.Sev, KernelVersion.V72, true)]
    [InlineData(Platform.SevSnp, KernelVersion.V73, true)]
    [InlineData(Platform.Tdx, KernelVersion.V73, true)]
    public void ForceUnencrypted_AnyDeviceOfAnX86Guest_FollowsGuestMemEncrypt(Platform platform, KernelVersion kernel, bool expected)
    {
        var rig = new DmaRig(platform, kernel);
        DmaDevice narrow = rig.Mapper.AddDevice(new DmaDeviceOptions("n") { DmaMask = 0xffffffff }).Value;

        Assert.Equal((expected, expected), (rig.Device.ForceUnencrypted, narrow.ForceUnencrypted));
    }

    [Fact]
    [Statement("S-SWI-01")]
    public void SwiotlbPool_Units_AreThoseOfTheKernel() =>
        Assert.Equal(
            (2048u, 11, 128u, 262144u),
            (SwiotlbPool.SlotBytes, SwiotlbPool.SlotShift, SwiotlbPool.SegmentSlots, SwiotlbPool.SegmentBytes));

    [Fact]
    [Statement("S-SWI-01")]
    public void Compute_NothingSaid_IsAPoolOf64MiB() =>
        Assert.Equal(32768u, SwiotlbSizing.Compute(
            new DmaEnvironment(Platform.None, KernelVersion.V72, 5UL << 30), 5UL << 30, 1,
            SwiotlbOptions.Parse("", KernelVersion.V72).Value).Slots);
}
