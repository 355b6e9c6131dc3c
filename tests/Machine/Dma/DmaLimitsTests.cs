using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Dma;

public class DmaLimitsTests
{
    [Theory]
    [Statement("S-DMA-70", "S-SWI-11")]
    [InlineData(Platform.None, KernelVersion.V72, "", ulong.MaxValue, 0UL, ulong.MaxValue)]
    [InlineData(Platform.None, KernelVersion.V72, "force", ulong.MaxValue, 0xfffUL, 258048UL)]
    [InlineData(Platform.Sev, KernelVersion.V72, "", ulong.MaxValue, 0UL, 262144UL)]
    [InlineData(Platform.Sev, KernelVersion.V72, "noforce", ulong.MaxValue, 0UL, ulong.MaxValue)]
    [InlineData(Platform.Sev, KernelVersion.V73, "", ulong.MaxValue, 0UL, 262144UL)]
    [InlineData(Platform.None, KernelVersion.V73, "", 0UL, 0UL, 0UL)]
    public void MaxMappingSize_PlatformAndMask_IsTheSwiotlbLimitOrNone(
        Platform platform, KernelVersion kernel, string swiotlb, ulong mask, ulong minAlign, ulong expected)
    {
        var rig = new DmaRig(platform, kernel, swiotlb, new DmaDeviceOptions("d") { DmaMask = mask, MinAlignMask = minAlign });

        Assert.Equal(expected, rig.Mapper.MaxMappingSize(rig.Device));
    }

    [Theory]
    [Statement("S-DMA-58")]
    [InlineData(Platform.None, false, 0x20000000UL, 0x1fffffffUL)]
    [InlineData(Platform.None, false, 0x180000000UL, 0x1ffffffffUL)]
    [InlineData(Platform.Sev, false, 0x20000000UL, 0x1fffffffUL)]
    [InlineData(Platform.Sev, true, 0x20000000UL, 0xfffffffffffffUL)]
    public void RequiredMask_Ram_CoversItsLastByte(Platform platform, bool trusted, ulong ram, ulong expected)
    {
        var rig = new DmaRig(platform, KernelVersion.V72, "", new DmaDeviceOptions("d") { Trusted = trusted }, ram: ram);

        Assert.Equal(expected, rig.Mapper.RequiredMask(rig.Device));
    }

    [Theory]
    [Statement("S-DMA-58")]
    [InlineData(0x1fffffffUL, 0UL, false)]
    [InlineData(0xfffffffUL, 0UL, true)]
    [InlineData(ulong.MaxValue, 0xfffffffUL, true)]
    [InlineData(ulong.MaxValue, 0x1fffffffUL, false)]
    public void IsAddressingLimited_MaskOrBusLimit_BelowTheLastByteOfRam(ulong mask, ulong busLimit, bool limited)
    {
        var rig = new DmaRig(
            Platform.None, KernelVersion.V72, "", new DmaDeviceOptions("d") { DmaMask = mask, BusLimit = busLimit }, ram: 0x20000000);

        Assert.Equal(limited, rig.Mapper.IsAddressingLimited(rig.Device));
    }

    [Theory]
    [Statement("S-DMA-59")]
    [InlineData(0x80000000UL, 0xffffffffUL, Errno.None)]
    [InlineData(0x80000000UL, 0xffffffUL, Errno.None)]
    [InlineData(0x80000000UL, 0x7fffffUL, Errno.EIO)]
    [InlineData(0x800000UL, 0x7fffffUL, Errno.None)]
    public void SetMask_Size_IsSupportedOrEio(ulong ram, ulong mask, Errno expected)
    {
        var rig = new DmaRig(Platform.None, KernelVersion.V72, "noforce", ram: ram);

        Failure? failure = rig.Mapper.SetMask(rig.Device, mask);

        Assert.Equal((expected, expected == Errno.None ? mask : ulong.MaxValue), (failure?.Errno ?? Errno.None, rig.Device.DmaMask));
    }

    [Theory]
    [InlineData("", 0UL, ulong.MaxValue, "name")]
    [InlineData("d", 0x1001UL, ulong.MaxValue, "min_align_mask")]
    [InlineData("d", 0UL, 0x12345UL, "segment_boundary_mask")]
    [InlineData("d", 0UL, 0UL, "segment_boundary_mask")]
    public void AddDevice_ImpossibleOption_FailsNamingTheField(string name, ulong minAlign, ulong boundary, string field)
    {
        var rig = new DmaRig(Platform.None, KernelVersion.V72);

        Result<DmaDevice> result =
            rig.Mapper.AddDevice(new DmaDeviceOptions(name) { MinAlignMask = minAlign, SegmentBoundaryMask = boundary });

        Assert.Equal(field, result.Failure?.Field);
    }
}
