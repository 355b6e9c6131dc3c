using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Guests;

public sealed class ImporterTests
{
    private const ulong SyncStart = 0;
    private const ulong SyncEnd = 4;
    private const ulong Read = 1;
    private const ulong Write = 2;
    private const ulong ReadWrite = 3;

    [Theory]
    [Statement("S-VEC-11", "S-SYS-60", "S-SYS-61")]
    [InlineData(4096UL, 0UL, 0UL, 2u)]
    [InlineData(983040UL, 0UL, 0UL, 480u)]
    [InlineData(1048576UL, 1UL, 1UL, 512u)]
    public void Map_PrivateBufferOfSmallChunks_BouncesInItsSlots(ulong length, ulong order8FailsFrom, ulong order4FailsFrom, uint slots)
    {
        using var test = new TestGuest(shape: s => s with { Fragmentation = new FragmentationPolicy(order8FailsFrom, order4FailsFrom) });

        DmaMapping mapping = test.AttachAndMap(test.Allocate(TestGuest.Private, length)).Mapping.Value;

        Assert.Equal((true, slots), (mapping.Bounced, test.Snapshot().Dma.DefaultPool!.UsedSlots));
    }

    [Theory]
    [Statement("S-VEC-11", "S-SYS-60", "S-DMA-50", "S-DMA-51", "S-HEAP-55", "S-GPU-07")]
    [InlineData(1048576UL)]
    [InlineData(1052672UL)]
    public void Map_PrivateBufferWithOneMiBChunk_FailsWithEioAndLeavesNoSlot(ulong length)
    {
        using var test = new TestGuest();

        Result<DmaMapping> mapping = test.AttachAndMap(test.Allocate(TestGuest.Private, length)).Mapping;

        Assert.Equal(Errno.EIO, mapping.Failure!.Errno);
        Assert.Equal(0u, test.Snapshot().Dma.DefaultPool!.UsedSlots);
        Assert.Contains(test.Snapshot().KernelLog, l => l.Contains("swiotlb buffer is full (sz: 1048576 bytes)", StringComparison.Ordinal));
    }

    [Theory]
    [Statement("S-VEC-12", "S-SYS-64", "S-DMA-13", "S-HEAP-55", "S-BUF-57")]
    [InlineData(Platform.Sev, 4096UL)]
    [InlineData(Platform.SevSnp, 1048576UL)]
    [InlineData(Platform.Tdx, 1052672UL)]
    public void Map_SharedBuffer_GivesItsOwnAddressesWithoutCBitAndNoSlot(Platform platform, ulong length)
    {
        using var test = new TestGuest(platform);
        int fd = test.Allocate(TestGuest.Shared, length);

        DmaMapping mapping = test.AttachAndMap(fd).Mapping.Value;

        Assert.Equal(test.Stat(fd).Chunks.Select(c => c.Address), Enumerable.Range(0, mapping.Count).Select(mapping.AddressOf));
        Assert.Equal(0u, test.Snapshot().Dma.DefaultPool!.UsedSlots);
    }

    [Fact]
    [Statement("S-DMA-12", "S-SWI-04")]
    public void Map_OnAPlainGuest_GivesThePhysicalAddress()
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.Allocate(TestGuest.Private, 1 << 20);

        DmaMapping mapping = test.AttachAndMap(fd).Mapping.Value;

        Assert.Equal((test.Stat(fd).Chunks[0].Address, false), (mapping.AddressOf(0), mapping.Bounced));
    }

    [Fact]
    [Statement("S-BUF-52", "S-UNV-50")]
    public void Map_Twice_FailsWithEbusy()
    {
        using var test = new TestGuest();
        ulong attachment = test.AttachAndMap(test.Allocate(TestGuest.Shared, 4096)).Attachment;

        Assert.Equal(Errno.EBUSY, test.Guest.Importers.Map(test.Init, attachment, DmaDirection.Bidirectional, 0).Failure!.Errno);
    }

    [Fact]
    [Statement("S-BUF-44", "S-UNV-50")]
    public void Detach_WhileMapped_FailsWithEbusy()
    {
        using var test = new TestGuest();
        ulong attachment = test.AttachAndMap(test.Allocate(TestGuest.Shared, 4096)).Attachment;

        Assert.Equal(Errno.EBUSY, test.Guest.Importers.Detach(test.Init, attachment)!.Errno);
    }

    [Fact]
    [Statement("S-BUF-45", "S-SYS-40", "S-REC-06")]
    public void Attach_SeveralTimes_ListsTheNewestFirst()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Open();
        test.Register(process, "first");
        test.Register(process, "second");
        int fd = test.Guest.Heaps.Allocate(process, TestGuest.Shared, 4096, 2, 0).Value.Fd;
        Assert.True(test.Guest.Importers.Attach(process, fd, "first").Ok);
        Assert.True(test.Guest.Importers.Attach(process, fd, "second").Ok);

        Assert.Equal(["second", "first"], test.Guest.Buffers.Stat(process, fd).Value.AttachedDevices);
    }

    [Fact]
    public void Attach_WithADeviceOfAnotherProcess_FailsWithEnodev()
    {
        using var test = new TestGuest();
        test.Register(test.Open());

        Assert.Equal(
            Errno.ENODEV,
            test.Guest.Importers.Attach(test.Init, test.Allocate(TestGuest.Shared, 4096), TestGuest.Nic).Failure!.Errno);
    }

    [Fact]
    public void Unregister_DeviceWithALiveMapping_UndoesItFirst()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Open();
        test.Register(process);
        int fd = test.Guest.Heaps.Allocate(process, TestGuest.Private, 4096, 2, 0).Value.Fd;
        ulong attachment = test.Guest.Importers.Attach(process, fd, TestGuest.Nic).Value.Attachment;
        Assert.True(test.Guest.Importers.Map(process, attachment, DmaDirection.Bidirectional, 0).Ok);

        Assert.Null(test.Guest.Devices.Unregister(process, TestGuest.Nic));

        Assert.Equal((0u, 0), (test.Snapshot().Dma.DefaultPool!.UsedSlots, test.Snapshot().Objects.Attachments));
    }

    [Theory]
    [Statement("S-BUF-65", "S-SYS-44", "S-SYS-45", "S-SYS-46", "S-BUF-61")]
    [InlineData(SyncStart | Read, true, false)]
    [InlineData(SyncStart | Write, false, false)]
    [InlineData(SyncStart | ReadWrite, true, false)]
    [InlineData(SyncEnd | Read, false, false)]
    [InlineData(SyncEnd | Write, false, true)]
    [InlineData(SyncEnd | ReadWrite, false, true)]
    public void Sync_BouncedBuffer_MovesDataAsTheTableSays(ulong flags, bool toBuffer, bool toDevice)
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        ulong address = test.Map(fd);
        ulong dma = test.AttachAndMap(fd).Mapping.Value.AddressOf(0);
        test.Store(address, "cpu"u8);
        test.DmaWrite(dma, "dev"u8);

        SyncOutcome outcome = test.Guest.Importers.Sync(test.Init, fd, flags).Value;

        Assert.Equal((toBuffer ? 4096UL : 0, toDevice ? 4096UL : 0), (outcome.BytesToBuffer, outcome.BytesToDevice));
        Assert.Equal(toBuffer ? "dev"u8.ToArray() : "cpu"u8.ToArray(), test.Load(address, 3));
        Assert.Equal(toDevice ? "cpu"u8.ToArray() : "dev"u8.ToArray(), test.DmaRead(dma, 3));
    }

    [Fact]
    [Statement("S-SYS-62", "S-SWI-40", "S-GPU-07")]
    public void Unmap_BouncedBuffer_BringsTheDeviceBytesBack()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        ulong address = test.Map(fd);
        (ulong attachment, Result<DmaMapping> mapping) = test.AttachAndMap(fd);
        test.DmaWrite(mapping.Value.AddressOf(0), "device"u8);

        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));

        Assert.Equal("device"u8.ToArray(), test.Load(address, 6));
    }

    [Fact]
    [Statement("S-BUF-66", "S-REC-06")]
    public void Sync_TwoBouncedAttachments_LetsTheOldestWin()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        ulong address = test.Map(fd);
        ulong oldest = test.AttachAndMap(fd).Mapping.Value.AddressOf(0);
        ulong newest = test.AttachAndMap(fd).Mapping.Value.AddressOf(0);
        test.DmaWrite(oldest, "old"u8);
        test.DmaWrite(newest, "new"u8);

        Assert.True(test.Guest.Importers.Sync(test.Init, fd, SyncStart | Read).Ok);

        Assert.Equal("old"u8.ToArray(), test.Load(address, 3));
    }

    [Theory]
    [Statement("S-BUF-62", "S-BUF-61")]
    [InlineData(0UL)]
    [InlineData(4UL)]
    [InlineData(8UL | 1UL)]
    public void Sync_WrongFlags_FailsWithEinval(ulong flags)
    {
        using var test = new TestGuest();

        Assert.Equal(Errno.EINVAL, test.Guest.Importers.Sync(test.Init, test.Allocate(TestGuest.Shared, 4096), flags).Failure!.Errno);
    }

    [Fact]
    [Statement("S-BUF-67", "S-GPU-07")]
    public void DmaWrite_SharedBuffer_IsSeenByTheCpuAtOnce()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, 4096);
        ulong address = test.Map(fd);

        test.DmaWrite(test.AttachAndMap(fd).Mapping.Value.AddressOf(0), "at once"u8);

        Assert.Equal("at once"u8.ToArray(), test.Load(address, 7));
    }

    [Fact]
    [Statement("S-DMA-82")]
    public void Map_PrivateBufferForATrustedDevice_NeitherBouncesNorNeedsSync()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Open();
        test.Register(process, trusted: true);
        int fd = test.Guest.Heaps.Allocate(process, TestGuest.Private, 4096, 2, 0).Value.Fd;
        ulong address = test.Guest.Mappings.Mmap(process, fd, 0, null, null, MapFlags.Shared).Value.Address;
        ulong attachment = test.Guest.Importers.Attach(process, fd, TestGuest.Nic).Value.Attachment;
        DmaMapping mapping = test.Guest.Importers.Map(process, attachment, DmaDirection.Bidirectional, 0).Value;

        Assert.Null(test.Guest.Devices.DmaWrite(process, TestGuest.Nic, mapping.AddressOf(0), "T1"u8));
        byte[] seen = new byte[2];
        Assert.Null(test.Guest.Mappings.Load(process, address, seen));

        Assert.Equal("T1"u8.ToArray(), seen);
    }

    [Theory]
    [Statement("S-SYS-63", "S-SWI-83")]
    [InlineData(4096UL, 2u)]
    [InlineData(0xf0000UL, 480u)]
    public void Map_PrivateBufferOn73_BouncesThoughNothingForcesIt(ulong length, uint slots)
    {
        using var test = new TestGuest(kernel: KernelVersion.V73);

        DmaMapping mapping = test.AttachAndMap(test.Allocate(TestGuest.Private, length)).Mapping.Value;

        Assert.Equal((true, slots), (mapping.Bounced, test.Snapshot().Dma.DefaultPool!.UsedSlots));
    }

    [Theory]
    [Statement("S-SYS-65")]
    [InlineData(KernelVersion.V72, 1048576UL, Errno.None, false)]
    [InlineData(KernelVersion.V73, 65536UL, Errno.None, true)]
    [InlineData(KernelVersion.V73, 1048576UL, Errno.EIO, false)]
    public void Map_SharedBufferWithSwiotlbForce_BouncesSince73(KernelVersion kernel, ulong length, Errno errno, bool bounced)
    {
        using var test = new TestGuest(kernel: kernel, shape: s => s with { Swiotlb = "force" });

        Result<DmaMapping> mapping = test.AttachAndMap(test.Allocate(TestGuest.Shared, length)).Mapping;

        Assert.Equal((errno, bounced), (mapping.Failure?.Errno ?? Errno.None, mapping.Ok && mapping.Value.Bounced));
    }

    [Theory]
    [Statement("S-SYS-66")]
    [InlineData(KernelVersion.V72, TestGuest.Private, Errno.None)]
    [InlineData(KernelVersion.V72, TestGuest.Shared, Errno.EIO)]
    [InlineData(KernelVersion.V73, TestGuest.Private, Errno.EIO)]
    [InlineData(KernelVersion.V73, TestGuest.Shared, Errno.None)]
    public void Map_WithSwiotlbNoforce_TurnsRoundWith73(KernelVersion kernel, string heap, Errno errno)
    {
        using var test = new TestGuest(kernel: kernel, shape: s => s with { Swiotlb = "noforce" });

        Assert.Equal(errno, test.AttachAndMap(test.Allocate(heap, 4096)).Mapping.Failure?.Errno ?? Errno.None);
    }

    [Fact]
    [Statement("S-SYS-66")]
    public void DmaRead_PrivateBufferMappedWithNoforceOn72_FaultsOnSnp()
    {
        using var test = new TestGuest(shape: s => s with { Swiotlb = "noforce" });
        ulong dma = test.AttachAndMap(test.Allocate(TestGuest.Private, 4096)).Mapping.Value.AddressOf(0);

        Assert.Equal(Errno.EFAULT, test.Guest.Devices.DmaRead(test.Init, "", dma, new byte[16])!.Errno);
    }

    [Fact]
    [Statement("S-SYS-42", "S-REC-07")]
    public void Map_PoolExhausted_PassesTheEioOfTheDmaLayer()
    {
        using var test = new TestGuest(shape: s => s with { Swiotlb = "1024" });
        Assert.True(test.AttachAndMap(test.Allocate(TestGuest.Private, 0xf0000)).Mapping.Ok);
        Assert.True(test.AttachAndMap(test.Allocate(TestGuest.Private, 0xf0000)).Mapping.Ok);

        Assert.Equal(Errno.EIO, test.AttachAndMap(test.Allocate(TestGuest.Private, 0x30000)).Mapping.Failure!.Errno);
    }

    [Fact]
    [Statement("S-CMA-03", "S-CMA-06", "S-REC-07")]
    public void Map_CmaBufferTooLargeToBounce_FailsWithEnomem()
    {
        using var test = new TestGuest(shape: s => s with { Cma = "64M" });

        Assert.Equal(Errno.ENOMEM, test.AttachAndMap(test.Allocate("default_cma_region", 0x41000)).Mapping.Failure!.Errno);
    }

    [Fact]
    [Statement("S-CMA-06", "S-CMA-02", "S-CMA-05")]
    public void Map_CmaBufferOf256KiB_BouncesAsOneEntry()
    {
        using var test = new TestGuest(shape: s => s with { Cma = "64M" });

        DmaMapping mapping = test.AttachAndMap(test.Allocate("default_cma_region", 0x40000)).Mapping.Value;

        Assert.Equal((true, 1, 128u), (mapping.Bounced, mapping.Count, test.Snapshot().Dma.DefaultPool!.UsedSlots));
    }

    [Fact]
    [Statement("S-SYS-41")]
    public void Detach_OneOfTwo_LeavesTheOther()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, 4096);
        ulong first = test.Guest.Importers.Attach(test.Init, fd, "").Value.Attachment;
        (_, Result<DmaMapping> other) = test.AttachAndMap(fd);

        Assert.Null(test.Guest.Importers.Detach(test.Init, first));

        Assert.Single(test.Stat(fd).AttachedDevices);
        test.DmaWrite(other.Value.AddressOf(0), "on"u8);
    }

    [Theory]
    [Statement("S-BUF-64")]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(3u)]
    public void Sync_AnyAccessModeOfTheFd_Succeeds(uint fdFlags)
    {
        using var test = new TestGuest();
        int fd = test.TryAllocate(TestGuest.Shared, 4096, fdFlags).Value.Fd;

        Assert.All<ulong>([1, 2, 3, 5, 6, 7], flags => Assert.True(test.Guest.Importers.Sync(test.Init, fd, flags).Ok));
    }

    [Theory]
    [Statement("S-BUF-64")]
    [InlineData(SyncEnd | Write)]
    [InlineData(SyncStart | Read, SyncStart | Read, SyncStart | ReadWrite)]
    [InlineData(SyncStart | Read, SyncEnd | Write)]
    [InlineData(SyncEnd | Read, SyncEnd | ReadWrite)]
    public void Sync_UnbalancedCalls_AllSucceed(params ulong[] flags)
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        Assert.True(test.AttachAndMap(fd).Mapping.Ok);

        Assert.All(flags, f => Assert.True(test.Guest.Importers.Sync(test.Init, fd, f).Ok));
    }

    [Fact]
    [Statement("S-BUF-40")]
    public void Attach_ClosedFd_IsEbadf()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, 4096);
        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

        Assert.Equal(Errno.EBADF, test.Guest.Importers.Attach(test.Init, fd, "").Failure!.Errno);
    }

    [Fact]
    [Statement("S-SYS-52")]
    public void Unmap_SharedBufferTwice_SaysOnceThatTheAttributesDiffer()
    {
        using var test = new TestGuest();
        for (int i = 0; i < 2; i++)
        {
            ulong attachment = test.AttachAndMap(test.Allocate(TestGuest.Shared, 0x11000)).Attachment;
            Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));
        }

        string line = Assert.Single(test.Snapshot().KernelLog, l => l.StartsWith("DMA-API: ", StringComparison.Ordinal));
        Assert.EndsWith(" [size=65536 bytes] [mapped with 0x2000] [unmapped with 0x0]", line, StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-SWI-63")]
    public void Map_PoolFull_DoesNotGrowThePool()
    {
        using var test = new TestGuest(shape: s => s with { Swiotlb = "1024" });
        Assert.False(test.AttachAndMap(test.Allocate(TestGuest.Private, 0x100000)).Mapping.Ok);
        Assert.True(test.AttachAndMap(test.Allocate(TestGuest.Private, 0xf0000)).Mapping.Ok);
        Assert.True(test.AttachAndMap(test.Allocate(TestGuest.Private, 0xf0000)).Mapping.Ok);

        Assert.False(test.AttachAndMap(test.Allocate(TestGuest.Private, 0xf0000)).Mapping.Ok);

        Assert.Equal((1024u, 960u), (test.Snapshot().Dma.DefaultPool!.Slots, test.Snapshot().Dma.DefaultPool!.UsedSlots));
    }

    [Theory]
    [Statement("S-CMA-07")]
    [InlineData(SyncStart | Read, true, false)]
    [InlineData(SyncEnd | Write, false, true)]
    [InlineData(SyncStart | Write, false, false)]
    public void Sync_BouncedCmaBuffer_MovesDataAsForTheSystemHeap(ulong flags, bool toBuffer, bool toDevice)
    {
        using var test = new TestGuest(shape: s => s with { Cma = "64M" });
        int fd = test.Allocate("default_cma_region", 8192);
        ulong address = test.Map(fd);
        ulong dma = test.AttachAndMap(fd).Mapping.Value.AddressOf(0);
        test.Store(address, "cpu"u8);
        test.DmaWrite(dma, "dev"u8);

        Assert.True(test.Guest.Importers.Sync(test.Init, fd, flags).Ok);

        Assert.Equal(toBuffer ? "dev"u8.ToArray() : "cpu"u8.ToArray(), test.Load(address, 3));
        Assert.Equal(toDevice ? "cpu"u8.ToArray() : "dev"u8.ToArray(), test.DmaRead(dma, 3));
    }

    [Fact]
    [Statement("S-SYS-40")]
    public void Attach_NoMemoryForItsTable_FailsWithEnomemAndTakesNoReference()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, 4096);
        ulong before = test.Stat(fd).Count;
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.Failslab)).Ok);

        Assert.Equal(Errno.ENOMEM, test.Guest.Importers.Attach(test.Init, fd, "").Failure!.Errno);

        Assert.Equal((before, 0), (test.Stat(fd).Count, test.Stat(fd).AttachedDevices.Count));
    }

    [Fact]
    [Statement("S-SYS-40")]
    public void Unmap_RightAfterAttach_IsEinvalBecauseNothingIsMapped()
    {
        using var test = new TestGuest();
        ulong attachment = test.Guest.Importers.Attach(test.Init, test.Allocate(TestGuest.Shared, 4096), "").Value.Attachment;

        Assert.Equal(Errno.EINVAL, test.Guest.Importers.Unmap(test.Init, attachment)!.Errno);
    }

    [Fact]
    [Statement("S-SYS-44", "S-SYS-45")]
    public void Sync_UnmappedAttachment_MovesNothing()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        ulong attachment = test.AttachAndMap(fd).Attachment;
        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));

        Assert.Equal(new SyncOutcome(0, 0), test.Guest.Importers.Sync(test.Init, fd, SyncStart | ReadWrite).Value);
        Assert.Equal(new SyncOutcome(0, 0), test.Guest.Importers.Sync(test.Init, fd, SyncEnd | ReadWrite).Value);
    }

    [Theory]
    [Statement("S-SYS-46", "S-SWI-45")]
    [InlineData(DmaDirection.ToDevice, SyncStart | Read, 4096UL, 0UL)]
    [InlineData(DmaDirection.FromDevice, SyncEnd | Write, 0UL, 4096UL)]
    public void Sync_DirectionOtherThanTheMappings_IsFollowed(DmaDirection mapped, ulong flags, ulong toBuffer, ulong toDevice)
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        Assert.True(test.AttachAndMap(fd, mapped).Mapping.Ok);

        Assert.Equal(new SyncOutcome(toBuffer, toDevice), test.Guest.Importers.Sync(test.Init, fd, flags).Value);
    }

    [Fact]
    [Statement("S-BUF-45")]
    public void Unmap_OneOfTwoAttachmentsOfADevice_LeavesTheOtherMapped()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        ulong first = test.AttachAndMap(fd).Attachment;
        ulong other = test.AttachAndMap(fd).Mapping.Value.AddressOf(0);

        Assert.Null(test.Guest.Importers.Unmap(test.Init, first));

        Assert.Equal(2u, test.Snapshot().Dma.DefaultPool!.UsedSlots);
        test.DmaWrite(other, "alive"u8);
    }
}
