using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Dma;

public class DmaTraceTextTests
{
    private static readonly DmaTraceText Text = new(KernelVersion.V72);
    private static readonly SgEntry[] Two = [new(0x1000, 0x1000), new(0x3000, 0x2000)];

    [Theory]
    [Statement("S-TRC-02", "S-TRC-03", "S-TRC-04")]
    [InlineData(KernelVersion.V72, 0, "")]
    [InlineData(KernelVersion.V612, 0x72, "WEAK_ORDERING|NO_KERNEL_MAPPING|SKIP_CPU_SYNC|FORCE_CONTIGUOUS")]
    [InlineData(KernelVersion.V612, 0x380, "ALLOC_SINGLE_PAGES|NO_WARN|PRIVILEGED")]
    [InlineData(KernelVersion.V612, 0x400, "0x400")]
    [InlineData(KernelVersion.V619, 0x404, "WRITE_COMBINE|MMIO")]
    [InlineData(KernelVersion.V619, 0x2c00, "MMIO|0x2800")]
    [InlineData(KernelVersion.SeedV1, 0x800, "CC_DECRYPTED")]
    [InlineData(KernelVersion.SeedV1, 0x2000, "0x2000")]
    [InlineData(KernelVersion.V71, 0x3800, "CACHELINES_OVERLAP|REQUIRE_COHERENT|CC_SHARED")]
    [InlineData(KernelVersion.V72, 0x6000, "CC_SHARED|0x4000")]
    [InlineData(KernelVersion.V73, 0x6000, "CC_SHARED|ALLOC_CC_SHARED")]
    [InlineData(KernelVersion.V73, 0x1, "0x1")]
    public void Attributes_Bits_HaveTheNamesOfTheKernel(KernelVersion kernel, int attributes, string expected) =>
        Assert.Equal(expected, new DmaTraceText(kernel).Attributes((DmaAttributes)attributes));

    [Theory]
    [Statement("S-TRC-12")]
    [InlineData(KernelVersion.V72, DmaAttributes.Mmio, "dma_map_phys")]
    [InlineData(KernelVersion.V612, DmaAttributes.Mmio, "dma_map_resource")]
    [InlineData(KernelVersion.V612, DmaAttributes.None, "dma_map_page")]
    public void MapEvent_Kernel_HasItsName(KernelVersion kernel, DmaAttributes attributes, string expected) =>
        Assert.Equal(expected, new DmaTraceText(kernel).MapEvent(attributes));

    [Fact]
    [Statement("S-TRC-10", "S-TRC-01", "S-TRC-06")]
    public void MapPhys_Values_AreHexAndDecimal() =>
        Assert.Equal(
            "dev dir=TO_DEVICE dma_addr=abc000 size=65536 phys_addr=abc000 attrs=CC_SHARED",
            Text.MapPhys("dev", 0xabc000, 0xabc000, 65536, DmaDirection.ToDevice, DmaAttributes.CcShared));

    [Fact]
    [Statement("S-TRC-11", "S-TRC-01")]
    public void UnmapPhys_Values_AreHexAndDecimal() =>
        Assert.Equal(
            "dev dir=FROM_DEVICE dma_addr=abc000 size=10 attrs=",
            Text.UnmapPhys("dev", 0xabc000, 10, DmaDirection.FromDevice, DmaAttributes.None));

    [Theory]
    [Statement("S-TRC-13", "S-TRC-14", "S-TRC-15")]
    [InlineData(DmaAllocationKind.Alloc, "virt_addr=ffff888000001000 flags=GFP_KERNEL attrs=NO_WARN")]
    [InlineData(DmaAllocationKind.AllocPages, "virt_addr=ffff888000001000 flags=GFP_KERNEL attrs=NO_WARN")]
    [InlineData(DmaAllocationKind.AllocSgtError, "virt_addr=ffff888000001000 flags=GFP_KERNEL attrs=NO_WARN")]
    [InlineData(DmaAllocationKind.AllocSgt, "phys_addrs={0x1000,0x2000} flags=GFP_KERNEL attrs=NO_WARN")]
    [InlineData(DmaAllocationKind.Free, "virt_addr=ffff888000001000 attrs=NO_WARN")]
    [InlineData(DmaAllocationKind.FreePages, "virt_addr=ffff888000001000 attrs=NO_WARN")]
    [InlineData(DmaAllocationKind.FreeSgt, "phys_addrs={0x1000,0x2000}")]
    public void Allocation_Kind_HasItsFields(DmaAllocationKind kind, string tail)
    {
        var allocation = new DmaAllocationEvent(
            kind, DmaDirection.Bidirectional, 0x1000, 8192, 0xffff888000001000, [0x1000, 0x2000], "GFP_KERNEL", DmaAttributes.NoWarn);

        Assert.Equal("dev dir=BIDIRECTIONAL dma_addr=1000 size=8192 " + tail, Text.Allocation("dev", allocation));
    }

    [Fact]
    [Statement("S-TRC-05", "S-TRC-16")]
    public void MapSg_TwoEntries_ShowsThreeArrays() =>
        Assert.Equal(
            "dev dir=BIDIRECTIONAL nents=2/2 ents=2/2 dma_addrs={0x1000,0x3000} sizes={0x1000,0x2000} phys_addrs={0x1000,0x3000} attrs=",
            Text.MapSg("dev", Two, [0x1000, 0x3000], DmaDirection.Bidirectional, DmaAttributes.None));

    [Theory]
    [Statement("S-TRC-16")]
    [InlineData(128, "nents=128/128 ents=128/128 dma_addrs", 128)]
    [InlineData(129, "nents=128/129 ents=128/129 [TRUNCATED] dma_addrs", 128)]
    public void MapSg_ManyEntries_IsCappedAt128(int count, string expected, int held)
    {
        SgEntry[] entries = [.. Enumerable.Repeat(new SgEntry(0x1000, 0x1000), count)];

        string text = Text.MapSg("dev", entries, new ulong[count], DmaDirection.ToDevice, DmaAttributes.None);

        Assert.Contains(expected, text, StringComparison.Ordinal);
        Assert.Equal(3 * held, text.Split("0x").Length - 1);
    }

    [Fact]
    [Statement("S-TRC-05", "S-TRC-16")]
    public void MapSg_NoDmaSegments_ShowsEmptyArrays() =>
        Assert.Contains(
            "nents=2/2 ents=0/0 dma_addrs={} sizes={} phys_addrs={0x1000,0x3000}",
            Text.MapSg("dev", Two, [], DmaDirection.ToDevice, DmaAttributes.None),
            StringComparison.Ordinal);

    [Fact]
    [Statement("S-TRC-18")]
    public void MapSgError_Entries_ShowsPhysicalAddressesAndTheErrno() =>
        Assert.Equal(
            "dev dir=TO_DEVICE dma_addrs={0x1000,0x3000} err=-95 attrs=",
            Text.MapSgError("dev", Two, Errno.EOPNOTSUPP, DmaDirection.ToDevice, DmaAttributes.None));

    [Fact]
    [Statement("S-TRC-20")]
    public void SyncSingle_Values_HaveNoAttributes() =>
        Assert.Equal("dev dir=TO_DEVICE dma_addr=1000 size=42", DmaTraceText.SyncSingle("dev", 0x1000, 42, DmaDirection.ToDevice));

    [Fact]
    [Statement("S-TRC-21")]
    public void SyncSg_Entries_ShowsTwoArrays() =>
        Assert.Equal(
            "dev dir=TO_DEVICE dma_addrs={0x5000,0x7000} sizes={0x1000,0x2000}",
            DmaTraceText.SyncSg("dev", Two, [0x5000, 0x7000], DmaDirection.ToDevice));
}
