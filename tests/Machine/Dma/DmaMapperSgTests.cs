using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Dma;

public class DmaMapperSgTests
{
    [Theory]
    [Statement("S-VEC-11")]
    [InlineData("4096", Errno.None, 2)]
    [InlineData("65536*15", Errno.None, 480)]
    [InlineData("1048576", Errno.EIO, 0)]
    [InlineData("4096*256", Errno.None, 512)]
    [InlineData("1048576,4096", Errno.EIO, 0)]
    [InlineData("4096,1048576", Errno.EIO, 0)]
    public void MapSg_PrivateBufferOfVectors_BouncesOrFails(string lengths, Errno errno, uint used)
    {
        var rig = new DmaRig(Platform.Sev, KernelVersion.V72);
        SgEntry[] entries = Entries(lengths);

        Result<int> result = rig.Mapper.MapSg(rig.Device, entries, new ulong[entries.Length], DmaDirection.Bidirectional);

        Assert.Equal((errno, used), (result.Failure?.Errno ?? Errno.None, rig.Used));
    }

    [Fact]
    [Statement("S-VEC-12", "S-TRC-22", "S-TRC-23")]
    public void MapSg_SharedBuffer_MapsInPlaceWithOneLineEach()
    {
        var rig = new DmaRig(Platform.Sev, KernelVersion.V72);
        SgEntry[] entries = Entries("1048576,4096");
        ulong[] dma = new ulong[2];

        Assert.Equal(2, rig.Mapper.MapSg(rig.Device, entries, dma, DmaDirection.Bidirectional, DmaAttributes.CcShared).Value);
        Assert.Null(rig.Mapper.UnmapSg(rig.Device, entries, dma, DmaDirection.Bidirectional));

        Assert.Equal(
            [
                "dma_map_sg: 0000:01:00.0 dir=BIDIRECTIONAL nents=2/2 ents=2/2 dma_addrs={0x1000000,0x2000000} sizes={0x100000,0x1000} "
                    + "phys_addrs={0x1000000,0x2000000} attrs=CC_SHARED",
                "dma_unmap_sg: 0000:01:00.0 dir=BIDIRECTIONAL phys_addrs={0x1000000,0x2000000} attrs=",
            ],
            rig.Trace);
    }

    [Fact]
    [Statement("S-DMA-50", "S-SWI-41")]
    public void MapSg_LaterEntryFails_UnmapsEarlierOnesWithoutCopyBack()
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);

        Failure? failure = rig.Mapper.MapSg(rig.Device, Entries("4096,65536,1048576"), new ulong[3], DmaDirection.Bidirectional).Failure;

        Assert.Equal((Errno.EIO, "PoolFull", 0u), (failure?.Errno, failure?.Step, rig.Used));
        Assert.Contains("Entry 2", failure?.Sentence, StringComparison.Ordinal);
        Assert.DoesNotContain(rig.Memory.Copies, copy => copy.Way == BounceWay.FromBounce);
    }

    [Fact]
    [Statement("S-TRC-24", "S-DMA-51")]
    public void MapSg_Failure_LeavesOnlyBouncedLines()
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);

        rig.Mapper.MapSg(rig.Device, Entries("4096,1048576"), new ulong[2], DmaDirection.ToDevice);

        Assert.Equal(
            [
                "swiotlb_bounced: dev_name: 0000:01:00.0 dma_mask=ffffffffffffffff dev_addr=1000000 size=4096 FORCE",
                "swiotlb_bounced: dev_name: 0000:01:00.0 dma_mask=ffffffffffffffff dev_addr=2000000 size=1048576 FORCE",
            ],
            rig.Trace);
    }

    [Theory]
    [Statement("S-VEC-14", "S-SWI-81", "S-SWI-83")]
    [InlineData("", DmaAttributes.None, "NORMAL", "")]
    [InlineData("force", DmaAttributes.CcShared, "FORCE", "CC_SHARED")]
    public void MapSg_Bounced73_TracesForceAndTheCallersAttributes(string swiotlb, DmaAttributes attributes, string word, string names)
    {
        var rig = new DmaRig(Platform.Sev, KernelVersion.V73, swiotlb);

        rig.Mapper.MapSg(rig.Device, Entries("4096"), new ulong[1], DmaDirection.Bidirectional, attributes);

        Assert.EndsWith(" " + word, rig.Trace[0], StringComparison.Ordinal);
        Assert.EndsWith("attrs=" + names, rig.Trace[1], StringComparison.Ordinal);
        Assert.Equal(2u, rig.Used);
    }

    [Theory]
    [Statement("S-DMA-53", "S-DMA-54")]
    [InlineData(0UL, true, DmaAttributes.None, 0, Errno.None)]
    [InlineData(0UL, false, DmaAttributes.RequireCoherent, -1, Errno.EOPNOTSUPP)]
    [InlineData(ulong.MaxValue, false, DmaAttributes.RequireCoherent, -1, Errno.EOPNOTSUPP)]
    [InlineData(ulong.MaxValue, true, DmaAttributes.RequireCoherent, 1, Errno.None)]
    public void MapSg_MaskAndCoherence_AreCheckedInTheKernelsOrder(
        ulong mask, bool coherent, DmaAttributes attributes, int segments, Errno errno)
    {
        var rig = new DmaRig(Platform.None, KernelVersion.V72, "", new DmaDeviceOptions("d") { DmaMask = mask, Coherent = coherent });

        Result<int> result = rig.Mapper.MapSg(rig.Device, Entries("4096"), new ulong[1], DmaDirection.ToDevice, attributes);

        Assert.Equal((segments, errno), (result.Ok ? result.Value : -1, result.Failure?.Errno ?? Errno.None));
    }

    [Theory]
    [Statement("S-SWI-40", "S-DMA-56")]
    [InlineData(true, DmaDirection.FromDevice, BounceWay.FromBounce, 2)]
    [InlineData(false, DmaDirection.ToDevice, BounceWay.ToBounce, 2)]
    [InlineData(true, DmaDirection.ToDevice, BounceWay.None, 0)]
    [InlineData(false, DmaDirection.FromDevice, BounceWay.None, 0)]
    public void SyncSg_Bounced_CopiesWholeEntries(bool forCpu, DmaDirection direction, BounceWay way, int copies)
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);
        SgEntry[] entries = Entries("4096,65536");
        ulong[] dma = new ulong[2];
        rig.Mapper.MapSg(rig.Device, entries, dma, direction);
        rig.Memory.Copies.Clear();

        Assert.Null(rig.Mapper.SyncSg(rig.Device, entries, dma, direction, forCpu));

        Assert.Equal(entries.Select(entry => (way, entry.Length)).Take(copies), rig.Memory.Copies.Select(copy => (copy.Way, copy.Length)));
    }

    [Theory]
    [Statement("S-DMA-55")]
    [InlineData("")]
    [InlineData("4096,0")]
    public void MapSg_EmptyListOrEntry_IsRefusedBeforeAnythingIsMapped(string lengths)
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);
        SgEntry[] entries = Entries(lengths);

        Assert.Equal(Errno.EINVAL, rig.Mapper.MapSg(rig.Device, entries, new ulong[2], DmaDirection.ToDevice).Failure?.Errno);
        Assert.Empty(rig.Memory.Copies);
    }

    [Theory]
    [Statement("S-DMA-52")]
    [InlineData("4096,65536", DmaAttributes.None, 2)]
    [InlineData("4096,1048576", DmaAttributes.None, 0)]
    [InlineData("4096", DmaAttributes.RequireCoherent, 0)]
    public void MapSgCount_OldStyleCall_GivesSegmentsOrZero(string lengths, DmaAttributes attributes, int expected)
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);

        Assert.Equal(expected, rig.Mapper.MapSgCount(rig.Device, Entries(lengths), new ulong[2], DmaDirection.ToDevice, attributes));
    }

    [Theory]
    [Statement("S-DMA-47", "S-SYS-52")]
    [InlineData(KernelVersion.V612, true, false)]
    [InlineData(KernelVersion.V71, true, false)]
    [InlineData(KernelVersion.V72, true, true)]
    [InlineData(KernelVersion.V73, true, true)]
    [InlineData(KernelVersion.V73, false, false)]
    public void UnmapSg_SharedAttributeForgotten_WarnsOnDebuggingKernelsSince72(KernelVersion kernel, bool debug, bool warns)
    {
        var rig = new DmaRig(Platform.Sev, kernel, dmaDebug: debug);
        SgEntry[] entries = Entries("65536,4096");
        ulong[] dma = new ulong[2];
        rig.Mapper.MapSg(rig.Device, entries, dma, DmaDirection.ToDevice, DmaAttributes.CcShared);

        rig.Mapper.UnmapSg(rig.Device, entries, dma, DmaDirection.ToDevice);

        const string Text = "DMA-API: drv 0000:01:00.0: device driver frees DMA memory with different attributes "
            + "[device address=0x0000000001000000] [size=65536 bytes] [mapped with 0x2000] [unmapped with 0x0]";
        Assert.Equal(warns ? [Text] : [], rig.Warnings.Where(line => line.StartsWith("DMA-API", StringComparison.Ordinal)));
    }

    [Theory]
    [Statement("S-DMA-47")]
    [InlineData(DmaAttributes.CcShared, DmaAttributes.CcShared, false)]
    [InlineData(DmaAttributes.SkipCpuSync, DmaAttributes.None, false)]
    [InlineData(DmaAttributes.NoWarn | DmaAttributes.WeakOrdering, DmaAttributes.None, false)]
    [InlineData(DmaAttributes.None, DmaAttributes.CcShared, true)]
    [InlineData(DmaAttributes.Privileged, DmaAttributes.None, true)]
    [InlineData(DmaAttributes.ForceContiguous, DmaAttributes.NoKernelMapping, true)]
    public void UnmapPhys_Attributes_AreComparedWhereTheyCount(DmaAttributes map, DmaAttributes unmap, bool warns)
    {
        var rig = new DmaRig(Platform.None, KernelVersion.V73);
        ulong dma = rig.Map(0x100000, 4096, map);

        rig.Mapper.UnmapPhys(rig.Device, dma, 4096, DmaDirection.Bidirectional, unmap);

        Assert.Equal(warns, rig.Warnings.Any());
    }

    [Fact]
    [Statement("S-DMA-47")]
    public void UnmapPhys_SecondMappingOfTheSameMemory_IsStillKnown()
    {
        var rig = new DmaRig(Platform.Sev, KernelVersion.V72);
        ulong dma = rig.Map(0x100000, 4096, DmaAttributes.CcShared);
        rig.Map(0x100000, 4096, DmaAttributes.CcShared);
        rig.Mapper.UnmapPhys(rig.Device, dma, 4096, DmaDirection.Bidirectional, DmaAttributes.CcShared);

        rig.Mapper.UnmapPhys(rig.Device, dma, 4096, DmaDirection.Bidirectional, DmaAttributes.CcShared);

        Assert.Empty(rig.Warnings);
    }

    [Theory]
    [Statement("S-TRC-19", "S-TRC-21")]
    [InlineData("dma_map_sg", 4u, 2)]
    [InlineData("dma_sync_sg_for_cpu", 4u, 4)]
    [InlineData("dma_unmap_sg", 4u, 4)]
    public void SgEvents_Moment_IsAfterTheWorkButForUnmap(string name, uint used, int copies)
    {
        var rig = new DmaRig(Platform.Tdx, KernelVersion.V72);
        (uint Used, int Copies)? seen = null;
        var mapper = new DmaMapper(rig.Environment, rig.Pool, rig.Log, new DmaTextTrace(KernelVersion.V72, (e, _) =>
            seen = e == name ? (rig.Pool!.UsedSlots, rig.Memory.Copies.Count) : seen));
        SgEntry[] entries = Entries("4096,4096");
        ulong[] dma = new ulong[2];

        mapper.MapSg(rig.Device, entries, dma, DmaDirection.FromDevice);
        mapper.SyncSg(rig.Device, entries, dma, DmaDirection.FromDevice, forCpu: true);
        mapper.UnmapSg(rig.Device, entries, dma, DmaDirection.FromDevice);

        Assert.Equal((used, copies), seen);
    }

    [Fact]
    public void MapSg_OneSharedEntry_AllocatesNothing()
    {
        var environment = new DmaEnvironment(Platform.Sev, KernelVersion.V72, DmaRig.FourGiB - 1);
        var mapper = new DmaMapper(environment, null, new CocoGuest.Machine.Diagnostics.KernelLog(TimeProvider.System));
        DmaDevice device = mapper.AddDevice(new DmaDeviceOptions("d")).Value;
        SgEntry[] entries = Entries("65536");
        ulong[] dma = new ulong[1];
        Cycle(mapper, device, entries, dma);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Cycle(mapper, device, entries, dma);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void MapSg_FourBouncedEntries_AllocatesNothing()
    {
        var environment = new DmaEnvironment(Platform.Sev, KernelVersion.V72, DmaRig.FourGiB - 1);
        var pool = new SwiotlbPool(
            new SwiotlbPoolOptions("", DmaRig.PoolStart, 32768, 1, SwiotlbForce.Platform) { Shared = true }, new NoMemory());
        var mapper = new DmaMapper(environment, pool, new CocoGuest.Machine.Diagnostics.KernelLog(TimeProvider.System));
        DmaDevice device = mapper.AddDevice(new DmaDeviceOptions("d")).Value;
        SgEntry[] entries = Entries("65536*4");
        ulong[] dma = new ulong[4];
        Cycle(mapper, device, entries, dma);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Cycle(mapper, device, entries, dma);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(101UL * 4, pool.Snapshot().Mappings);
    }

    private static void Cycle(DmaMapper mapper, DmaDevice device, SgEntry[] entries, ulong[] dma)
    {
        mapper.MapSg(device, entries, dma, DmaDirection.Bidirectional);
        mapper.UnmapSg(device, entries, dma, DmaDirection.Bidirectional);
    }

    /// <summary>Entries from text such as <c>65536*15,4096</c>, 16 MiB apart.</summary>
    private static SgEntry[] Entries(string lengths) =>
        [.. lengths.Split(',', StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(part => part.Split('*') is [var length, var count] ? Enumerable.Repeat(length, int.Parse(count)) : [part])
            .Select((length, i) => new SgEntry((ulong)(i + 1) << 24, ulong.Parse(length)))];

    private sealed class NoMemory : IBounceMemory
    {
        public void Copy(ulong sourcePhys, ulong targetPhys, ulong length, BounceWay way)
        {
        }
    }
}
