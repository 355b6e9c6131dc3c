using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Dma;

/// <summary>The room for drivers: allocations, streaming mappings, what it refuses.</summary>
public class DmaApiTests
{
    private const ulong Bytes = 8192;

    [Theory]
    [Statement("S-DMA-60", "S-DMA-61")]
    [InlineData(Platform.None, false)]
    [InlineData(Platform.Sev, true)]
    [InlineData(Platform.SevSnp, true)]
    [InlineData(Platform.Tdx, true)]
    public void AllocCoherent_Platform_GivesZeroedMemoryThatTheDeviceReaches(Platform platform, bool shared)
    {
        using var test = new TestGuest(platform);

        DmaAllocation made = test.Guest.DmaApi.AllocCoherent(test.Init, "", Bytes).Value;

        Assert.Equal(shared, made.Shared);
        Assert.Equal(new byte[Bytes], test.DmaRead(made.DmaAddress, (int)Bytes));
        Assert.Null(test.Guest.DmaApi.Write(test.Init, made.Id, 16, [7, 8]));
        Assert.Equal([7, 8], test.DmaRead(made.DmaAddress + 16, 2));
    }

    [Fact]
    [Statement("S-DMA-60")]
    public void Free_SharedMemory_GivesItBackPrivate()
    {
        using var test = new TestGuest();
        MemoryCensus before = test.Snapshot().Memory;
        DmaAllocation made = test.Guest.DmaApi.AllocCoherent(test.Init, "", Bytes).Value;
        Assert.Equal(before.Shared + Bytes, test.Snapshot().Memory.Shared);

        Assert.Null(test.Guest.DmaApi.Free(test.Init, made.Id));

        Assert.Equal(before, test.Snapshot().Memory);
        Assert.Equal(Errno.EINVAL, test.Guest.DmaApi.Free(test.Init, made.Id)!.Errno);
    }

    [Theory]
    [Statement("S-DMA-71")]
    [InlineData(KernelVersion.V72, false, false)]
    [InlineData(KernelVersion.V72, true, false)]
    [InlineData(KernelVersion.V73, false, false)]
    [InlineData(KernelVersion.V73, true, true)]
    public void Alloc_FailingDecryption_LeaksAndLogsOnlyForPagesOf73(KernelVersion kernel, bool asPages, bool logs)
    {
        using var test = new TestGuest(kernel: kernel);
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailDecrypt)).Ok);

        Result<DmaAllocation> made = asPages
            ? test.Guest.DmaApi.AllocPages(test.Init, "", Bytes, DmaDirection.Bidirectional)
            : test.Guest.DmaApi.AllocCoherent(test.Init, "", Bytes);

        Assert.Equal(Errno.ENOMEM, made.Failure!.Errno);
        Assert.Equal(Bytes, test.Snapshot().Memory.Leaked);
        Assert.Equal(logs, test.Snapshot().KernelLog.Contains("leaking DMA memory that can't be decrypted"));
    }

    [Theory]
    [Statement("S-DMA-71", "S-SETM-24")]
    [InlineData(KernelVersion.V612)]
    [InlineData(KernelVersion.V73)]
    public void Free_FailingReencryption_LeaksAndLogs(KernelVersion kernel)
    {
        using var test = new TestGuest(kernel: kernel);
        DmaAllocation made = test.Guest.DmaApi.AllocCoherent(test.Init, "", Bytes).Value;
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailEncrypt)).Ok);

        Assert.Null(test.Guest.DmaApi.Free(test.Init, made.Id));

        Assert.Equal(Bytes, test.Snapshot().Memory.Leaked);
        Assert.Contains("leaking DMA memory that can't be re-encrypted", test.Snapshot().KernelLog);
    }

    [Theory]
    [Statement("S-DMA-63")]
    [InlineData(Platform.None, uint.MaxValue, 1UL << 32)]
    [InlineData(Platform.None, 0x7fffffff, 1UL << 31)]
    [InlineData(Platform.None, 0xffffff, 1UL << 24)]
    [InlineData(Platform.Sev, uint.MaxValue, 1UL << 32)]
    [InlineData(Platform.SevSnp, uint.MaxValue, 1UL << 32)]
    [InlineData(Platform.Tdx, uint.MaxValue, 1UL << 32)]
    public void AllocCoherent_NarrowMask_ComesFromALowerZone(Platform platform, ulong mask, ulong end)
    {
        using var test = new TestGuest(platform, shape: s => s with
        {
            MemoryBytes = 5UL << 30,
            Fragmentation = FragmentationPolicy.Default with { HighZoneFirst = true },
        });
        test.Register(test.Init, mask: mask);

        Assert.True(test.Guest.DmaApi.AllocCoherent(test.Init, "", Bytes).Value.Phys >= 1UL << 32);
        Assert.True(test.Guest.DmaApi.AllocCoherent(test.Init, TestGuest.Nic, Bytes).Value.Phys + Bytes <= end);
        Assert.True(test.Guest.DmaApi.AllocPages(test.Init, TestGuest.Nic, Bytes, DmaDirection.Bidirectional).Value.Phys + Bytes <= end);
        Assert.True(
            test.Guest.DmaApi.AllocNoncontiguous(test.Init, TestGuest.Nic, Bytes, DmaDirection.Bidirectional).Value.Phys + Bytes <= end);
        ulong pool = test.Guest.DmaApi.CreatePool(test.Init, TestGuest.Nic, "pool", 64, 64, 0).Value.Id;
        Assert.True(test.Guest.DmaApi.AllocFromPool(test.Init, pool).Value.DmaAddress < end);
    }

    [Theory]
    [Statement("S-DMA-64", "S-DMA-72", "S-TRC-13", "S-TRC-25")]
    [InlineData(KernelVersion.V72, true, "CC_SHARED")]
    [InlineData(KernelVersion.V73, false, "CC_SHARED")]
    public void AllocAttrs_CallerAsksForShared_IsRefusedAndTracedIn73(KernelVersion kernel, bool ok, string attributes)
    {
        using var test = new TestGuest(kernel: kernel);
        Assert.Null(test.Guest.Trace.Set("dma:*", on: true));

        Result<DmaAllocation> made = test.Guest.DmaApi.AllocAttrs(test.Init, "", Bytes, attributes: DmaAttributes.CcShared);

        Assert.Equal(ok, made.Ok);
        string line = Assert.Single(test.Guest.Trace.Read(0, 9, out _)).Text;
        Assert.EndsWith($"attrs={attributes}", line, StringComparison.Ordinal);
        Assert.Equal(!ok, line.Contains("dma_addr=0 ", StringComparison.Ordinal));
    }

    [Fact]
    [Statement("S-DMA-72", "S-TRC-13", "S-TRC-15", "S-TRC-25")]
    public void AllocAndFree_In73_OnlyTheAllocationShowsTheMark()
    {
        using var test = new TestGuest(kernel: KernelVersion.V73);
        Assert.Null(test.Guest.Trace.Set("dma:*", on: true));

        DmaAllocation made = test.Guest.DmaApi.AllocCoherent(test.Init, "", Bytes).Value;
        Assert.Null(test.Guest.DmaApi.Free(test.Init, made.Id));

        Assert.Equal(
            [$"emu0 dir=BIDIRECTIONAL dma_addr={made.DmaAddress:x} size=8192 virt_addr={made.Virtual:x16} "
                + "flags=GFP_KERNEL attrs=ALLOC_CC_SHARED",
             $"emu0 dir=BIDIRECTIONAL dma_addr={made.DmaAddress:x} size=8192 virt_addr={made.Virtual:x16} attrs="],
            test.Guest.Trace.Read(0, 9, out _).Select(e => e.Text));
    }

    [Fact]
    [Statement("S-DMA-64", "S-DMA-66")]
    public void Alloc_CompoundAndZoneFlags_AreRefusedUntraced()
    {
        using var test = new TestGuest();
        Assert.Null(test.Guest.Trace.Set("dma:*", on: true));
        GuestDmaApi api = test.Guest.DmaApi;

        Assert.Equal("flags", api.AllocAttrs(test.Init, "", Bytes, DmaAllocationFlags.Compound).Failure!.Field);
        Assert.Equal("flags", api.AllocPages(test.Init, "", Bytes, DmaDirection.ToDevice, DmaAllocationFlags.Dma32).Failure!.Field);
        Assert.Empty(test.Guest.Trace.Read(0, 9, out _));
    }

    [Fact]
    [Statement("S-DMA-69", "S-TRC-14", "S-TRC-15")]
    public void AllocNoncontiguous_Memory_IsOneEntry()
    {
        using var test = new TestGuest();
        Assert.Null(test.Guest.Trace.Set("dma:*", on: true));

        Assert.Equal("attrs", test.Guest.DmaApi.AllocNoncontiguous(
            test.Init, "", Bytes, DmaDirection.ToDevice, attributes: DmaAttributes.WriteCombine).Failure!.Field);
        DmaAllocation made = test.Guest.DmaApi.AllocNoncontiguous(
            test.Init, "", Bytes, DmaDirection.ToDevice, attributes: DmaAttributes.AllocSinglePages).Value;

        Assert.Equal(
            $"emu0 dir=TO_DEVICE dma_addr={made.DmaAddress:x} size=8192 phys_addrs={{0x{made.Phys:x}}} "
            + "flags=GFP_KERNEL attrs=ALLOC_SINGLE_PAGES",
            Assert.Single(test.Guest.Trace.Read(0, 9, out _)).Text);
    }

    [Fact]
    [Statement("S-DMA-60")]
    public void AllocCoherent_CallerMayNotSleep_ConvertsNothing()
    {
        using var test = new TestGuest();
        DmaAllocation first = test.Guest.DmaApi.AllocCoherent(test.Init, "", Bytes, DmaAllocationFlags.Atomic).Value;
        ulong calls = test.Snapshot().Memory.Shared;

        DmaAllocation second = test.Guest.DmaApi.AllocCoherent(test.Init, "", Bytes, DmaAllocationFlags.Atomic).Value;

        Assert.Equal(DmaMemorySource.AtomicPool, second.Source);
        Assert.Equal(first.Phys + Bytes, second.Phys);
        Assert.Equal(calls, test.Snapshot().Memory.Shared);
        Assert.Equal(Errno.ENOMEM, test.Guest.DmaApi.AllocCoherent(test.Init, "", 128 << 10, DmaAllocationFlags.Atomic).Failure!.Errno);
    }

    [Fact]
    [Statement("S-DMA-74")]
    public void AllocCoherent_AtomicPoolCannotBeDecrypted_IsLeakedAndNotThere()
    {
        using var test = new TestGuest(kernel: KernelVersion.V73);
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailDecrypt) { Times = 1 }).Ok);

        Assert.False(test.Guest.DmaApi.AllocCoherent(test.Init, "", Bytes, DmaAllocationFlags.Atomic).Ok);
        Assert.False(test.Guest.DmaApi.AllocCoherent(test.Init, "", Bytes, DmaAllocationFlags.Atomic).Ok);

        Assert.Equal(128UL << 10, test.Snapshot().Memory.Leaked);
        Assert.Contains("DMA: failed to allocate 128 KiB GFP_KERNEL pool for atomic allocation", test.Snapshot().KernelLog);
    }

    [Fact]
    [Statement("S-DMA-68", "S-SWI-43", "S-SWI-70")]
    public void AllocCoherent_RestrictedPool_IsAlignedToItsOrder()
    {
        using var test = new TestGuest(kernel: KernelVersion.V73);
        Assert.Null(test.Guest.Devices.Register(test.Init, new DeviceSpec { Name = TestGuest.Nic, RestrictedPoolBytes = 1 << 20 }).Failure);
        GuestDmaApi api = test.Guest.DmaApi;

        DmaAllocation one = api.AllocCoherent(test.Init, TestGuest.Nic, 4096).Value;
        DmaAllocation two = api.AllocCoherent(test.Init, TestGuest.Nic, 3 * 4096).Value;

        Assert.Equal(DmaMemorySource.RestrictedPool, two.Source);
        Assert.Equal(0UL, two.Phys % (4 * 4096));
        Assert.Equal(new byte[4096], test.DmaRead(one.DmaAddress, 4096));
        Assert.Null(api.Free(test.Init, one.Id));
        Assert.Null(api.Free(test.Init, two.Id));

        // Everything came back: four segments fit again, and nothing more.
        Assert.All(Enumerable.Range(0, 4), _ => Assert.True(api.AllocCoherent(test.Init, TestGuest.Nic, 256 << 10).Ok));
        Assert.Equal(Errno.ENOMEM, api.AllocCoherent(test.Init, TestGuest.Nic, 4096).Failure!.Errno);
    }

    [Fact]
    [Statement("S-SWI-72")]
    public void Unregister_RestrictedPool_GivesItsMemoryBack()
    {
        using var test = new TestGuest(kernel: KernelVersion.V73);
        MemoryCensus before = test.Snapshot().Memory;
        Assert.Null(test.Guest.Devices.Register(test.Init, new DeviceSpec { Name = TestGuest.Nic, RestrictedPoolBytes = 1 << 20 }).Failure);
        Assert.True(test.Guest.DmaApi.AllocCoherent(test.Init, TestGuest.Nic, 4096).Ok);

        Assert.Null(test.Guest.Devices.Unregister(test.Init, TestGuest.Nic));

        Assert.Equal(before, test.Snapshot().Memory);
    }

    [Fact]
    [Statement("S-DMA-65", "S-DMA-66", "S-DMA-67")]
    public void Mmap_CoherentAndPages_OnlyCoherentMemoryIsReadable()
    {
        using var test = new TestGuest(Platform.Sev);
        GuestDmaApi api = test.Guest.DmaApi;
        DmaAllocation coherent = api.AllocCoherent(test.Init, "", Bytes).Value;
        DmaAllocation pages = api.AllocPages(test.Init, "", Bytes, DmaDirection.Bidirectional).Value;

        MmapResult good = api.Mmap(test.Init, coherent.Id, 1, 4096).Value;
        MmapResult garbled = api.Mmap(test.Init, pages.Id, 0, Bytes).Value;
        Assert.Null(api.Write(test.Init, coherent.Id, 4096, [5, 6]));

        Assert.Equal([5, 6], test.Load(good.Address, 2));
        Assert.NotEqual(new byte[64], test.Load(garbled.Address, 64));
        Assert.Equal(Errno.ENXIO, api.Mmap(test.Init, coherent.Id, 2, 4096).Failure!.Errno);
        Assert.Equal(Errno.ENXIO, api.Mmap(test.Init, coherent.Id, 1, Bytes).Failure!.Errno);
        Assert.Equal(Errno.EBUSY, api.Free(test.Init, coherent.Id)!.Errno);
        Assert.Null(test.Guest.Mappings.Munmap(test.Init, good.Address));
        Assert.Null(api.Free(test.Init, coherent.Id));
    }

    [Theory]
    [Statement("S-DMA-61", "S-DMA-65", "S-DMA-67", "S-DMA-82")]
    [InlineData(Platform.None, false, true, true)]
    [InlineData(Platform.SevSnp, false, true, false)]
    [InlineData(Platform.SevSnp, true, false, false)]
    public void Mmap_HostVisibleMemoryInPlain_HasAMemfd(Platform platform, bool trusted, bool coherent, bool pages)
    {
        using var test = new TestGuest(platform, KernelVersion.V73);
        test.Register(test.Init, trusted: trusted);
        GuestDmaApi api = test.Guest.DmaApi;

        ulong one = api.AllocCoherent(test.Init, TestGuest.Nic, Bytes).Value.Id;
        ulong other = api.AllocPages(test.Init, TestGuest.Nic, Bytes, DmaDirection.Bidirectional).Value.Id;

        Assert.Equal(
            (coherent, pages),
            (api.Mmap(test.Init, one, 0).Value.Backing is not null, api.Mmap(test.Init, other, 0).Value.Backing is not null));
    }

    [Theory]
    [Statement("S-DMA-60", "S-DMA-71", "S-PLAT-21")]
    [InlineData(Platform.None)]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void Free_MemoryThatWasWritten_IsZeroForTheNextOwner(Platform platform)
    {
        using var test = new TestGuest(platform);
        GuestDmaApi api = test.Guest.DmaApi;
        DmaAllocation first = api.AllocCoherent(test.Init, "", 17 * 4096).Value;
        Assert.Null(api.Write(test.Init, first.Id, 16 * 4096, [1, 2, 3]));
        Assert.Null(api.Free(test.Init, first.Id));

        DmaAllocation again = api.AllocCoherent(test.Init, "", 17 * 4096).Value;

        Assert.Equal(first.Phys, again.Phys);
        Assert.Equal(new byte[17 * 4096], test.DmaRead(again.DmaAddress, 17 * 4096));
    }

    [Fact]
    [Statement("S-DMA-71", "S-SYS-29")]
    public void Free_FailingReencryption_KeepsTheBytesThatTheHostSees()
    {
        using var test = new TestGuest();
        DmaAllocation made = test.Guest.DmaApi.AllocCoherent(test.Init, "", Bytes).Value;
        Assert.Null(test.Guest.DmaApi.Write(test.Init, made.Id, 0, [4, 5, 6]));
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailEncrypt)).Ok);

        Assert.Null(test.Guest.DmaApi.Free(test.Init, made.Id));

        byte[] seen = new byte[3];
        Assert.Null(test.Guest.HostView.Read(made.Phys, seen));
        Assert.Equal([4, 5, 6], seen);
    }

    [Fact]
    [Statement("S-DMA-50", "S-DMA-52")]
    public void MapSg_EntryThatCannotBeMapped_IsZeroEntriesAndNoSlots()
    {
        using var test = new TestGuest();
        GuestDmaApi api = test.Guest.DmaApi;
        ulong phys = api.TakePages(test.Init, 1 << 20).Value;
        SgEntry[] entries = [new SgEntry(phys, 4096), new SgEntry(phys + 4096, 512 << 10)];

        DmaScatter none = api.MapSg(test.Init, "", entries, DmaDirection.ToDevice).Value;

        Assert.Equal((0ul, 0, 0u), (none.Id, none.Addresses.Count, test.Snapshot().Dma.DefaultPool!.UsedSlots));
        Assert.Equal(Errno.EIO, api.MapSgtable(test.Init, "", entries, DmaDirection.ToDevice).Failure!.Errno);
        Assert.Equal("entries", api.MapSg(test.Init, "", [], DmaDirection.ToDevice).Failure!.Field);
        Assert.Null(api.GivePages(test.Init, phys));
    }

    [Fact]
    [Statement("S-DMA-82")]
    public void AllocCoherent_TrustedDevice_StaysPrivate()
    {
        using var test = new TestGuest(kernel: KernelVersion.V73);
        test.Register(test.Init, trusted: true);

        Assert.False(test.Guest.DmaApi.AllocCoherent(test.Init, TestGuest.Nic, Bytes).Value.Shared);
        Assert.True(test.Guest.DmaApi.Query(test.Init, TestGuest.Nic).Value.TrustedExtension);
    }

    [Fact]
    [Statement("S-SWI-40", "S-DMA-44", "S-DMA-80")]
    public void Map_PrivatePages_BounceAndComeBack()
    {
        using var test = new TestGuest();
        GuestDmaApi api = test.Guest.DmaApi;
        ulong phys = api.TakePages(test.Init, 4096).Value;
        Assert.Null(api.WritePages(test.Init, phys, [1, 2, 3]));

        ulong dma = api.MapPage(test.Init, "", phys, 4096, DmaDirection.Bidirectional).Value;
        Assert.Equal([1, 2, 3], test.DmaRead(dma, 3));
        test.DmaWrite(dma + 1, [9]);
        Assert.Null(api.SyncForCpu(test.Init, "", dma, 0, 4096, DmaDirection.Bidirectional));
        byte[] seen = new byte[3];
        Assert.Null(api.ReadPages(test.Init, phys, seen));
        Assert.Equal([1, 9, 3], seen);
        Assert.Equal("phys", api.GivePages(test.Init, phys)!.Field);

        Assert.Null(api.Unmap(test.Init, "", dma, 4096, DmaDirection.Bidirectional));
        Assert.Null(api.GivePages(test.Init, phys));
        Assert.Equal("dma_address", api.Unmap(test.Init, "", dma, 4096, DmaDirection.Bidirectional)!.Field);
    }

    [Theory]
    [Statement("S-DMA-46")]
    [InlineData(KernelVersion.V612, false)]
    [InlineData(KernelVersion.V73, true)]
    public void MapResource_RamAddress_IsRefusedUntil71(KernelVersion kernel, bool ok)
    {
        using var test = new TestGuest(Platform.None, kernel);

        Assert.Equal(ok, test.Guest.DmaApi.MapResource(test.Init, "", 0x1000000, 4096, DmaDirection.Bidirectional).Ok);

        Assert.Contains(test.Snapshot().KernelLog,
            l => l.EndsWith("dma_map_resource called for RAM address 0x0000000001000000", StringComparison.Ordinal));
    }

    [Fact]
    [Statement("S-DMA-02", "S-DMA-55")]
    public void Map_WrongCall_NamesTheFieldAndChangesNothing()
    {
        using var test = new TestGuest();
        GuestDmaApi api = test.Guest.DmaApi;
        ulong phys = api.TakePages(test.Init, 4096).Value;
        GuestProcess other = test.Open();

        Assert.Equal("direction", api.MapPhys(test.Init, "", phys, 4096, (DmaDirection)3).Failure!.Field);
        Assert.Equal("length", api.MapPhys(test.Init, "", phys, 0, DmaDirection.ToDevice).Failure!.Field);
        Assert.Equal("phys", api.MapPhys(test.Init, "", phys, 4097, DmaDirection.ToDevice).Failure!.Field);
        Assert.Equal("phys", api.MapPhys(other, "", phys, 4096, DmaDirection.ToDevice).Failure!.Field);
        Assert.Equal("cpu", api.MapPhys(test.Init, "", phys, 4096, DmaDirection.ToDevice, cpu: 9).Failure!.Field);
        Assert.Equal("attrs", api.MapPhys(test.Init, "", phys, 4096, DmaDirection.ToDevice, (DmaAttributes)1).Failure!.Field);
        Assert.Equal("device", api.MapPhys(test.Init, "none", phys, 4096, DmaDirection.ToDevice).Failure!.Field);
        Assert.Equal("entries", api.MapSgtable(test.Init, "", [], DmaDirection.ToDevice).Failure!.Field);
        Assert.Equal("length", api.MapSgtable(test.Init, "", [new SgEntry(phys, 0)], DmaDirection.ToDevice).Failure!.Field);
        Assert.Equal(0u, test.Snapshot().Dma.DefaultPool!.UsedSlots);
    }

    [Fact]
    [Statement("S-DMA-50", "S-DMA-56")]
    public void End_DriverWithEverything_GivesEverythingBack()
    {
        using var test = new TestGuest();
        MemoryCensus before = test.Snapshot().Memory;
        GuestProcess driver = test.Open("driver");
        test.Register(driver);
        GuestDmaApi api = test.Guest.DmaApi;
        ulong phys = api.TakePages(driver, 16384).Value;
        Assert.True(api.MapPage(driver, TestGuest.Nic, phys, 4096, DmaDirection.ToDevice).Ok);
        DmaScatter list = api.MapSgtable(
            driver, TestGuest.Nic, [new SgEntry(phys, 4096), new SgEntry(phys + 8192, 4096)], DmaDirection.FromDevice).Value;
        Assert.Equal(2, list.Bounced);
        Assert.Null(api.SyncSgtable(driver, list.Id, DmaDirection.FromDevice, forCpu: true));
        DmaAllocation made = api.AllocCoherent(driver, TestGuest.Nic, Bytes).Value;
        Assert.True(api.Mmap(driver, made.Id, 0, Bytes).Ok);
        ulong pool = api.CreatePool(driver, TestGuest.Nic, "ring", 64, 0, 0).Value.Id;
        Assert.True(api.AllocFromPool(driver, pool).Ok);

        Assert.Null(test.Guest.Processes.End(driver));

        Assert.Equal(before, test.Snapshot().Memory);
        Assert.Equal(0u, test.Snapshot().Dma.DefaultPool!.UsedSlots);
    }
}
