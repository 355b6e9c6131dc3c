using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Dma;

public class DmaMapperTests
{
    private const ulong CBit = 1UL << 51;
    private const ulong Bounce = DmaRig.PoolStart;
    private const ulong Error = DmaMapper.Error;
    private const DmaAttributes Cc = DmaAttributes.CcShared;

    [Theory]
    [Statement("S-DMA-12", "S-DMA-13", "S-DMA-30", "S-DMA-31", "S-DMA-32", "S-DMA-33", "S-DMA-84", "S-SWI-87", "S-REC-24")]
    [InlineData(Platform.None, KernelVersion.SeedV1, "", DmaAttributes.None, 0x100000)]
    [InlineData(Platform.None, KernelVersion.SeedV1, "", DmaAttributes.CcDecrypted, Error)]
    [InlineData(Platform.None, KernelVersion.SeedV1, "force", DmaAttributes.CcDecrypted, 0x100000)]
    [InlineData(Platform.Sev, KernelVersion.SeedV1, "", DmaAttributes.None, Bounce)]
    [InlineData(Platform.Sev, KernelVersion.SeedV1, "", DmaAttributes.CcDecrypted, 0x100000)]
    [InlineData(Platform.Sev, KernelVersion.SeedV1, "", DmaAttributes.CcShared, Bounce)]
    [InlineData(Platform.Sev, KernelVersion.SeedV1, "noforce", DmaAttributes.None, CBit | 0x100000)]
    [InlineData(Platform.None, KernelVersion.V72, "", Cc, Error)]
    [InlineData(Platform.Sev, KernelVersion.V72, "", DmaAttributes.None, Bounce)]
    [InlineData(Platform.SevSnp, KernelVersion.V72, "", Cc, 0x100000)]
    [InlineData(Platform.Tdx, KernelVersion.V72, "", DmaAttributes.None, Bounce)]
    [InlineData(Platform.Tdx, KernelVersion.V72, "", Cc, 0x100000)]
    [InlineData(Platform.Tdx, KernelVersion.V72, "", DmaAttributes.Mmio, Error)]
    [InlineData(Platform.Sev, KernelVersion.V72, "noforce", DmaAttributes.None, CBit | 0x100000)]
    [InlineData(Platform.Sev, KernelVersion.V72, "noforce", Cc, Error)]
    [InlineData(Platform.Sev, KernelVersion.V72, "force", Cc, 0x100000)]
    [InlineData(Platform.None, KernelVersion.V73, "", Cc, 0x100000)]
    [InlineData(Platform.Sev, KernelVersion.V73, "", DmaAttributes.None, Bounce)]
    [InlineData(Platform.Sev, KernelVersion.V73, "", Cc, 0x100000)]
    [InlineData(Platform.Sev, KernelVersion.V73, "force", Cc, Bounce)]
    [InlineData(Platform.Sev, KernelVersion.V73, "noforce", DmaAttributes.None, Error)]
    [InlineData(Platform.Sev, KernelVersion.V73, "noforce", Cc, 0x100000)]
    [InlineData(Platform.Tdx, KernelVersion.V73, "", DmaAttributes.Mmio, Error)]
    [InlineData(Platform.Sev, KernelVersion.V612, "", DmaAttributes.Mmio, 0x100000)]
    [InlineData(Platform.Sev, KernelVersion.V619, "", DmaAttributes.Mmio, Error)]
    public void MapPhys_PlatformKernelAndAttributes_GiveTheAddress(
        Platform platform, KernelVersion kernel, string swiotlb, DmaAttributes attributes, ulong expected)
    {
        var rig = new DmaRig(platform, kernel, swiotlb);

        Assert.Equal(expected, rig.Map(0x100000, 4096, attributes));
    }

    [Theory]
    [Statement("S-DMA-30", "S-DMA-33", "S-DMA-37", "S-DMA-84", "S-VEC-14", "S-UNV-51")]
    [InlineData(KernelVersion.V619, "", DmaAttributes.Mmio, "0xdeadbeefdeadbeef")]
    [InlineData(KernelVersion.V73, "noforce", DmaAttributes.None, "0x0008000000100000")]
    [InlineData(KernelVersion.V73, "", DmaAttributes.Mmio, "0x0008000000100000")]
    public void MapPhys_OutOfReach_WarnsOnceWithTheKernelsWords(
        KernelVersion kernel, string swiotlb, DmaAttributes attributes, string address)
    {
        var rig = new DmaRig(Platform.Sev, kernel, swiotlb);

        rig.Map(0x100000, 4096, attributes);
        rig.Map(0x200000, 4096, attributes);

        Assert.Equal(
            [$"drv 0000:01:00.0: DMA addr {address}+4096 overflow (mask ffffffffffffffff, bus limit 0)."], rig.Warnings);
    }

    [Fact]
    [Statement("S-DMA-31", "S-DMA-32")]
    public void MapPhys_SilentRow_SaysNothing()
    {
        var rig = new DmaRig(Platform.None, KernelVersion.V72);

        rig.Map(0x100000, 4096, Cc);

        Assert.Empty(rig.Warnings);
    }

    [Theory]
    [Statement("S-DMA-82", "S-DMA-83", "S-DMA-81", "S-UNV-53")]
    [InlineData(KernelVersion.V72, "", DmaAttributes.None, 64, CBit | 0x100000)]
    [InlineData(KernelVersion.V72, "", Cc, 64, 0x100000)]
    [InlineData(KernelVersion.V73, "", DmaAttributes.None, 64, CBit | 0x100000)]
    [InlineData(KernelVersion.V73, "", Cc, 32, 0x100000)]
    [InlineData(KernelVersion.V73, "", DmaAttributes.None, 32, Error)]
    public void MapPhys_TrustedDevice_FollowsTheRulesOf73(
        KernelVersion kernel, string swiotlb, DmaAttributes attributes, int maskBits, ulong expected)
    {
        ulong mask = ulong.MaxValue >> (64 - maskBits);
        var rig = new DmaRig(Platform.Sev, kernel, swiotlb, new DmaDeviceOptions("d") { Trusted = true, DmaMask = mask });

        Assert.Equal((expected, 0u), (rig.Map(0x100000, 4096, attributes), rig.Used));
    }

    [Theory]
    [Statement("S-DMA-17")]
    [InlineData(0xffffffffUL, 0UL, 0xfffff000UL, 0xfffff000UL)]
    [InlineData(0xffffffffUL, 0UL, 0xfffff001UL, Bounce)]
    [InlineData(ulong.MaxValue, 0xffffffffUL, 0x100000000UL, Bounce)]
    [InlineData(ulong.MaxValue, 0UL, 0x100000000UL, 0x100000000UL)]
    public void MapPhys_MaskAndBusLimit_DecideByTheLastByte(ulong mask, ulong busLimit, ulong phys, ulong expected)
    {
        var device = new DmaDeviceOptions("d") { DmaMask = mask, BusLimit = busLimit };
        var rig = new DmaRig(Platform.None, KernelVersion.V72, "", device, ram: 5UL << 30);

        Assert.Equal(expected, rig.Map(phys, 4096));
    }

    [Fact]
    [Statement("S-SWI-70")]
    public void MapPhys_RestrictedPool_AlwaysBouncesThroughIt()
    {
        var rig = new DmaRig(Platform.None, KernelVersion.V72, restricted: true);

        Assert.Equal((0x50000000UL, 2u), (rig.Map(0x100000, 4096), rig.Used));
    }

    [Fact]
    [Statement("S-SWI-30")]
    public void MapPhys_BounceOutOfReach_GivesSlotsBackWithoutCopyingBack()
    {
        var device = new DmaDeviceOptions("d") { DmaMask = (1UL << 29) - 1 };
        var rig = new DmaRig(Platform.None, KernelVersion.V72, "force", device, ram: 1UL << 24);

        ulong address = rig.Map(0x100000, 4096);

        Assert.Equal((Error, 0u), (address, rig.Used));
        Assert.Equal([BounceWay.ToBounce], rig.Memory.Copies.Select(copy => copy.Way));
        Assert.Equal(["device d: swiotlb addr 0x0000000040000000+4096 overflow (mask 1fffffff, bus limit 0)."], rig.Warnings);
    }

    [Theory]
    [Statement("S-SWI-33", "S-SWI-12", "S-VEC-21")]
    [InlineData(DmaAttributes.None, 1)]
    [InlineData(DmaAttributes.NoWarn, 0)]
    public void MapPhys_TooLargeForAPool_WarnsUnlessAskedNotTo(DmaAttributes attributes, int lines)
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);

        rig.Map(0x160000, 262145, attributes);

        const string Text = "drv 0000:01:00.0: swiotlb buffer is full (sz: 262145 bytes), total 32768 (slots), used 0 (slots)";
        Assert.Equal(Enumerable.Repeat(Text, lines), rig.Warnings.Skip(1));
    }

    [Fact]
    [Statement("S-SWI-32")]
    public void MapPhys_FirstBounceOfACocoGuest_SaysSoOnce()
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);

        rig.Map(0x100000, 4096);
        rig.Map(0x200000, 4096);

        Assert.Equal(["software IO TLB: Memory encryption is active and system is using DMA bounce buffers"], rig.Warnings);
    }

    [Fact]
    [Statement("S-SWI-80", "S-DMA-83")]
    public void MapPhys_PoolOfTheWrongKind_FailsSilently()
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V73, "force", new DmaDeviceOptions("d") { Trusted = true });

        Assert.Equal(Error, rig.Map(0x100000, 4096));
        Assert.Equal(["software IO TLB: Memory encryption is active and system is using DMA bounce buffers"], rig.Warnings);
    }

    [Theory]
    [Statement("S-SWI-34", "S-SWI-40", "S-SWI-41")]
    [InlineData(DmaDirection.ToDevice, DmaAttributes.None, "to")]
    [InlineData(DmaDirection.FromDevice, DmaAttributes.None, "to from")]
    [InlineData(DmaDirection.Bidirectional, DmaAttributes.None, "to from")]
    [InlineData(DmaDirection.FromDevice, DmaAttributes.SkipCpuSync, "to")]
    public void UnmapPhys_Bounced_CopiesByDirectionAndFreesSlots(DmaDirection direction, DmaAttributes attributes, string copies)
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);
        ulong dma = rig.Map(0x100123, 4096, attributes, direction);

        Assert.Null(rig.Mapper.UnmapPhys(rig.Device, dma, 4096, direction, attributes));

        Assert.Equal(copies, string.Join(' ', rig.Memory.Copies.Select(copy => copy.Way == BounceWay.ToBounce ? "to" : "from")));
        Assert.All(rig.Memory.Copies, copy => Assert.Equal((0x100123UL + Bounce, 4096UL), (copy.Source + copy.Target, copy.Length)));
        Assert.Equal(0u, rig.Used);
    }

    [Fact]
    [Statement("S-DMA-45")]
    public void UnmapPhys_SharedMemoryWithoutTheAttribute_DoesNothing()
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);
        ulong dma = rig.Map(0x100000, 4096, Cc);

        Assert.Null(rig.Mapper.UnmapPhys(rig.Device, dma, 4096, DmaDirection.Bidirectional));
        Assert.Empty(rig.Memory.Copies);
    }

    [Fact]
    public void UnmapPhys_Twice_FailsTheSecondTime()
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);
        ulong dma = rig.Map(0x100000, 4096);
        rig.Mapper.UnmapPhys(rig.Device, dma, 4096, DmaDirection.Bidirectional);

        Assert.Equal(Errno.EINVAL, rig.Mapper.UnmapPhys(rig.Device, dma, 4096, DmaDirection.Bidirectional)?.Errno);
    }

    [Theory]
    [Statement("S-SWI-42")]
    [InlineData(0xfffUL, 0x300e00UL, 3000UL, 0UL, 5000UL, 0x300e00UL, 3000UL, true)]
    [InlineData(0xfffUL, 0x300e00UL, 3000UL, 100UL, 3000UL, 0x300e64UL, 2900UL, true)]
    [InlineData(0xfffUL, 0x300e00UL, 3000UL, 512UL, 2488UL, 0x301000UL, 2488UL, false)]
    [InlineData(0xfffUL, 0x300e00UL, 3000UL, 600UL, 2400UL, 0x301058UL, 2400UL, false)]
    [InlineData(0xfffUL, 0x300e00UL, 3000UL, 2999UL, 10UL, 0x3019b7UL, 1UL, true)]
    [InlineData(0UL, 0x100100UL, 5000UL, 4096UL, 1000UL, 0x101100UL, 904UL, true)]
    public void SyncForCpu_PartOfAMapping_IsCutAtItsEnd(
        ulong mask, ulong phys, ulong size, ulong offset, ulong length, ulong target, ulong copied, bool warned)
    {
        var rig = new DmaRig(Platform.None, KernelVersion.V72, "force", new DmaDeviceOptions("d") { MinAlignMask = mask });
        ulong dma = rig.Map(phys, size);

        Assert.Null(rig.Mapper.SyncForCpu(rig.Device, dma + offset, length, DmaDirection.FromDevice));

        Assert.Equal((dma + offset, target, copied, BounceWay.FromBounce), rig.Memory.Copies[^1]);
        string[] expected = warned ? [$"device d: Buffer overflow detected. Allocation size: {copied}. Mapping size: {length}."] : [];
        Assert.Equal(expected, rig.Warnings);
    }

    [Theory]
    [Statement("S-DMA-56", "S-SWI-38", "S-REC-22")]
    [InlineData(true, "", true)]
    [InlineData(false, "", false)]
    [InlineData(false, "force", true)]
    public void SyncForDevice_WithoutDebugging_IsSkippedUntilTheFirstBounce(bool debug, string swiotlb, bool traced)
    {
        var rig = new DmaRig(Platform.None, KernelVersion.V72, swiotlb, dmaDebug: debug);
        ulong dma = rig.Map(0x100000, 4096);
        rig.Trace.Clear();

        rig.Mapper.SyncForDevice(rig.Device, dma, 4096, DmaDirection.ToDevice);

        Assert.Equal(traced, rig.Trace.Count == 1);
    }

    [Theory]
    [Statement("S-DMA-40", "S-DMA-41", "S-DMA-03")]
    [InlineData(KernelVersion.V72, 0)]
    [InlineData(KernelVersion.SeedV1, 1)]
    public void MapPhys_RequireCoherentOnIncoherentDevice_FailsUntracedSince71(KernelVersion kernel, int lines)
    {
        var rig = new DmaRig(Platform.None, kernel, "", new DmaDeviceOptions("d") { Coherent = false });

        Result<ulong> result = rig.Mapper.MapPhys(rig.Device, 0x100000, 4096, DmaDirection.ToDevice, DmaAttributes.RequireCoherent);

        Assert.Equal((lines == 0, lines), (result.Failure?.Errno == Errno.ENOMEM, rig.Trace.Count));
    }

    [Fact]
    [Statement("S-DMA-41", "S-TRC-10", "S-TRC-40", "S-DMA-35", "S-REC-56", "S-TRC-01")]
    public void MapPhys_FailedBounce_IsTracedWithAllBitsOne()
    {
        var rig = new DmaRig(Platform.Sev, KernelVersion.V72);

        rig.Map(0x100000, 1 << 20);

        Assert.Equal(
            [
                "swiotlb_bounced: dev_name: 0000:01:00.0 dma_mask=ffffffffffffffff dev_addr=8000000100000 size=1048576 FORCE",
                "dma_map_phys: 0000:01:00.0 dir=BIDIRECTIONAL dma_addr=ffffffffffffffff size=1048576 phys_addr=100000 attrs=",
            ],
            rig.Trace);
    }

    [Theory]
    [Statement("S-DMA-02", "S-DMA-55")]
    [InlineData(4096UL, 3, "direction")]
    [InlineData(0UL, 0, "length")]
    [InlineData(ulong.MaxValue, 0, "length")]
    public void MapPhys_ImpossibleCall_FailsNamingTheField(ulong size, int direction, string field)
    {
        var rig = new DmaRig(Platform.None, KernelVersion.V72);

        Failure? failure = rig.Mapper.MapPhys(rig.Device, 0x100000, size, (DmaDirection)direction).Failure;

        Assert.Equal((Errno.EINVAL, field), (failure?.Errno, failure?.Field));
    }

    [Theory]
    [Statement("S-DMA-18")]
    [InlineData(64, CBit | 0x100000)]
    [InlineData(52, CBit | 0x100000)]
    [InlineData(51, Error)]
    [InlineData(40, Error)]
    [InlineData(32, Error)]
    public void MapPhys_PrivateMemoryUnforcedOnSev_NeedsAMaskThatReachesTheCBit(int maskBits, ulong expected)
    {
        var device = new DmaDeviceOptions("d") { DmaMask = ulong.MaxValue >> (64 - maskBits) };
        var rig = new DmaRig(Platform.Sev, KernelVersion.V72, "noforce", device);

        Assert.Equal(expected, rig.Map(0x100000, 4096));
    }

    [Theory]
    [Statement("S-DMA-44")]
    [InlineData(KernelVersion.V619, DmaAttributes.Mmio, true)]
    [InlineData(KernelVersion.V72, DmaAttributes.Mmio, true)]
    [InlineData(KernelVersion.V72, DmaAttributes.RequireCoherent, true)]
    [InlineData(KernelVersion.V619, DmaAttributes.RequireCoherent, false)]
    [InlineData(KernelVersion.V72, Cc, false)]
    [InlineData(KernelVersion.V72, DmaAttributes.None, false)]
    public void UnmapPhys_Attributes_DecideIfSlotsAreGivenBack(KernelVersion kernel, DmaAttributes attributes, bool kept)
    {
        var rig = new DmaRig(Platform.Tdx, kernel);
        ulong dma = rig.Map(0x100000, 4096);

        rig.Mapper.UnmapPhys(rig.Device, dma, 4096, DmaDirection.Bidirectional, attributes);

        Assert.Equal(kept ? 2u : 0u, rig.Used);
    }

    [Fact]
    [Statement("S-DMA-44")]
    public void UnmapPhys_Bounced_TracesAfterTheWork()
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);
        uint? usedAtTheEvent = null;
        var mapper = new DmaMapper(
            rig.Environment, rig.Pool, rig.Log, new DmaTextTrace(KernelVersion.V72, (_, _) => usedAtTheEvent = rig.Pool!.UsedSlots));
        ulong dma = mapper.MapPhys(rig.Device, 0x100000, 4096, DmaDirection.FromDevice).Value;
        Assert.Equal(2u, usedAtTheEvent);

        mapper.UnmapPhys(rig.Device, dma, 4096, DmaDirection.FromDevice);

        Assert.Equal(0u, usedAtTheEvent);
    }

    [Theory]
    [Statement("S-REC-55", "S-DMA-33", "S-DMA-84")]
    [InlineData(KernelVersion.V72, 4096UL, Error)]
    [InlineData(KernelVersion.V73, 4096UL, Bounce)]
    [InlineData(KernelVersion.V73, 65536UL, Bounce)]
    [InlineData(KernelVersion.V73, 1048576UL, Error)]
    public void MapPhys_SharedMemoryAboveThe32BitMask_BouncesSince73(KernelVersion kernel, ulong size, ulong expected)
    {
        var rig = new DmaRig(Platform.Tdx, kernel, "", new DmaDeviceOptions("d") { DmaMask = 0xffffffff }, ram: 6UL << 30);

        Assert.Equal(expected, rig.Map(5UL << 30, size, Cc));
    }

    [Theory]
    [Statement("S-SWI-44")]
    [InlineData(0x100000UL)]
    [InlineData(DmaRig.PoolStart - 4096)]
    [InlineData(DmaRig.PoolStart + (64UL << 20))]
    public void SyncForCpu_AddressOutsideThePool_CopiesNothing(ulong dma)
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);

        Assert.Null(rig.Mapper.SyncForCpu(rig.Device, dma, 4096, DmaDirection.FromDevice));

        Assert.Empty(rig.Memory.Copies);
    }

    [Theory]
    [Statement("S-SWI-44")]
    [InlineData(0x100000UL)]
    [InlineData(DmaRig.PoolStart + (64UL << 20))]
    public void UnmapPhys_AddressOutsideThePool_FreesNothing(ulong dma)
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);
        rig.Map(0x100000, 4096);

        Assert.Null(rig.Mapper.UnmapPhys(rig.Device, dma, 4096, DmaDirection.FromDevice));

        Assert.Equal(2u, rig.Used);
    }

    [Fact]
    [Statement("S-SWI-43")]
    public void SyncForCpu_SlotWithoutOriginal_CopiesNothing()
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);
        rig.Mapper.UnmapPhys(rig.Device, rig.Map(0x100000, 4096), 4096, DmaDirection.ToDevice);
        rig.Memory.Copies.Clear();

        Assert.Null(rig.Mapper.SyncForCpu(rig.Device, Bounce, 4096, DmaDirection.FromDevice));

        Assert.Empty(rig.Memory.Copies);
    }

    [Theory]
    [Statement("S-REC-56")]
    [InlineData(KernelVersion.V72, "noforce", Cc, "CC_SHARED")]
    [InlineData(KernelVersion.V73, "noforce", DmaAttributes.None, "")]
    [InlineData(KernelVersion.V72, "", DmaAttributes.Mmio, "MMIO")]
    public void MapPhys_FailureOfAnyRow_IsTracedWithTheAttributesAskedFor(
        KernelVersion kernel, string swiotlb, DmaAttributes attributes, string names)
    {
        var rig = new DmaRig(Platform.Sev, kernel, swiotlb);

        rig.Map(0x100000, 4096, attributes);

        Assert.Equal(
            [$"dma_map_phys: 0000:01:00.0 dir=BIDIRECTIONAL dma_addr=ffffffffffffffff size=4096 phys_addr=100000 attrs={names}"],
            rig.Trace);
    }

    [Theory]
    [Statement("S-DMA-40", "S-DMA-03")]
    [InlineData(true)]
    [InlineData(false)]
    public void MapPhys_NoMask_WarnsAndFailsBeforeCoherenceIsAsked(bool coherent)
    {
        var rig = new DmaRig(Platform.None, KernelVersion.V72, "", new DmaDeviceOptions("d") { DmaMask = 0, Coherent = coherent });

        Result<ulong> result = rig.Mapper.MapPhys(rig.Device, 0x100000, 4096, DmaDirection.ToDevice, DmaAttributes.RequireCoherent);

        Assert.Equal(Errno.ENOMEM, result.Failure?.Errno);
        Assert.Equal(["device d: dma_map_phys without a DMA mask"], rig.Warnings);
        Assert.Empty(rig.Trace);
    }

    [Fact]
    [Statement("S-TRC-20")]
    public void SyncForCpu_Bounced_TracesAfterTheCopy()
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);
        int? copiesAtTheEvent = null;
        var mapper = new DmaMapper(
            rig.Environment, rig.Pool, rig.Log,
            new DmaTextTrace(KernelVersion.V72, (_, _) => copiesAtTheEvent = rig.Memory.Copies.Count));
        ulong dma = mapper.MapPhys(rig.Device, 0x100000, 4096, DmaDirection.FromDevice).Value;

        mapper.SyncForCpu(rig.Device, dma, 4096, DmaDirection.FromDevice);

        Assert.Equal(2, copiesAtTheEvent);
    }

    [Fact]
    public void Snapshot_AfterCalls_CountsThem()
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);
        ulong dma = rig.Map(0x100000, 4096);
        rig.Map(0x200000, 4096, Cc);
        rig.Map(0x300000, 1 << 20);
        rig.Mapper.UnmapPhys(rig.Device, dma, 4096, DmaDirection.Bidirectional);

        DmaCounters counters = rig.Mapper.Snapshot();

        Assert.Equal((2UL, 1UL, 1UL, 1UL), (counters.Mapped, counters.Unmapped, counters.Bounced, counters.Failed));
        SwiotlbCounters pool = counters.DefaultPool!;
        Assert.Equal((1UL, 4096UL, 4096UL), (pool.Full, pool.BytesToBounce, pool.BytesFromBounce));
    }
}
