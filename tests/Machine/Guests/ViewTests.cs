using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Guests;

/// <summary>The same page, seen by guest, host and device on each platform (S-PLAT-10 to 12, S-PLAT-21).</summary>
public sealed class ViewTests
{
    private static readonly byte[] Secret = "sixteen byte secret text that nobody else may ever see......!!!!"u8.ToArray();

    [Theory]
    [Statement("S-PLAT-10", "S-PLAT-11", "S-ENC-02")]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    public void HostRead_PrivatePageOnAmd_IsCiphertextThatRepeats(Platform platform)
    {
        using var test = new TestGuest(platform);
        ulong gpa = StoreSecret(test);

        byte[] first = test.HostRead(gpa, Secret.Length);

        Assert.NotEqual(Secret, first);
        Assert.NotEqual(new byte[Secret.Length], first);
        Assert.Equal(first, test.HostRead(gpa, Secret.Length));
    }

    [Fact]
    [Statement("S-PLAT-12")]
    public void HostRead_PrivatePageOnTdx_IsZeros()
    {
        using var test = new TestGuest(Platform.Tdx);

        Assert.Equal(new byte[Secret.Length], test.HostRead(StoreSecret(test), Secret.Length));
    }

    [Fact]
    public void HostRead_PageOfAPlainGuest_IsPlainText()
    {
        using var test = new TestGuest(Platform.None);

        Assert.Equal(Secret, test.HostRead(StoreSecret(test), Secret.Length));
    }

    [Theory]
    [Statement("S-SYS-47")]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void HostRead_SharedPage_IsPlainText(Platform platform)
    {
        using var test = new TestGuest(platform);
        int fd = test.Allocate(TestGuest.Shared, 4096);
        test.Store(test.Map(fd), Secret);

        Assert.Equal(Secret, test.HostRead(test.Stat(fd).Chunks[0].Address, Secret.Length));
    }

    [Theory]
    [Statement("S-PLAT-11", "S-PLAT-12")]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void DmaRead_PrivatePageByAnOrdinaryDevice_FaultsAndMovesNothing(Platform platform)
    {
        using var test = new TestGuest(platform);
        ulong gpa = StoreSecret(test);
        byte[] bytes = new byte[Secret.Length];

        Assert.Equal(Errno.EFAULT, test.Guest.Devices.DmaRead(test.Init, "", gpa, bytes)!.Errno);
        Assert.Equal(new byte[Secret.Length], bytes);
    }

    [Theory]
    [InlineData(1UL, 4096UL, "address")]
    [InlineData(0UL, 4095UL, "length")]
    [InlineData(1UL << 60, 4096UL, "address")]
    [InlineData(4096UL, 1UL << 60, "length")]
    public void PageStates_WrongRange_BlamesTheRightArgument(ulong address, ulong length, string field)
    {
        using var test = new TestGuest();

        Failure failure = test.Guest.HostView.PageStates(address, length, 1).Failure!;

        Assert.Equal((Errno.EINVAL, field), (failure.Errno, failure.Field));
    }

    [Fact]
    [Statement("S-PLAT-11")]
    public void DmaRead_FromASharedIntoAPrivatePage_CountsNoCopyAndBlamesTheDmaAddress()
    {
        using var test = new TestGuest();
        ulong shared = test.Stat(test.Allocate(TestGuest.Shared, 4096)).Chunks[0].Address;
        CopyCounters before = test.Snapshot().Copies;

        Failure failure = test.Guest.Devices.DmaRead(test.Init, "", shared + 4000, new byte[200])!;

        Assert.Equal((Errno.EFAULT, "dma_address"), (failure.Errno, failure.Field));
        Assert.Equal(before, test.Snapshot().Copies);
    }

    [Fact]
    [Statement("S-PLAT-10")]
    public void DmaRead_PrivatePageOnSev_IsTheCiphertextThatTheHostSees()
    {
        using var test = new TestGuest(Platform.Sev);
        ulong gpa = StoreSecret(test);

        Assert.Equal(test.HostRead(gpa, Secret.Length), test.DmaRead(gpa, Secret.Length));
    }

    [Fact]
    [Statement("S-PLAT-10", "S-ENC-02")]
    public void DmaWrite_PrivatePageOnSev_CorruptsOnlyTheBlocksTouched()
    {
        using var test = new TestGuest(Platform.Sev);
        int fd = test.Allocate(TestGuest.Private, 4096);
        ulong address = test.Map(fd);
        test.Store(address, Secret);

        test.DmaWrite(test.Stat(fd).Chunks[0].Address + 20, [0xaa]);
        byte[] seen = test.Load(address, Secret.Length);

        Assert.Equal(Secret[..16], seen[..16]);
        Assert.NotEqual(Secret[16..32], seen[16..32]);
        Assert.Equal(Secret[32..], seen[32..]);
    }

    [Fact]
    [Statement("S-ENC-02")]
    public void DmaWrite_OldCiphertextOnSev_ReplaysTheOldPlainText()
    {
        using var test = new TestGuest(Platform.Sev);
        int fd = test.Allocate(TestGuest.Private, 4096);
        ulong address = test.Map(fd);
        ulong gpa = test.Stat(fd).Chunks[0].Address;
        test.Store(address, Secret);
        byte[] old = test.HostRead(gpa, Secret.Length);
        test.Store(address, new byte[Secret.Length]);

        test.DmaWrite(gpa, old);

        Assert.Equal(Secret, test.Load(address, Secret.Length));
    }

    [Theory]
    [Statement("S-SYS-27", "S-PLAT-21")]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void Load_FreshSharedBufferWithTwoBackings_IsZeros(Platform platform)
    {
        using var test = new TestGuest(platform);

        Assert.Equal(new byte[4096], test.Load(test.Map(test.Allocate(TestGuest.Shared, 4096)), 4096));
    }

    [Fact]
    [Statement("S-SYS-27", "S-HEAP-51", "S-PLAT-21")]
    public void Load_FreshSharedBufferOnSev_IsTheCiphertextOfZeros()
    {
        using var test = new TestGuest(Platform.Sev);
        int fd = test.Allocate(TestGuest.Shared, 8192);
        byte[] seen = test.Load(test.Map(fd), 8192);
        byte[] expected = new byte[8192];
        test.Guest.Memory.Engine.Encrypt(new byte[4096], expected.AsSpan(0, 4096), test.Stat(fd).Chunks[0].Address);
        test.Guest.Memory.Engine.Encrypt(new byte[4096], expected.AsSpan(4096), test.Stat(fd).Chunks[1].Address);

        Assert.Equal(expected, seen);
    }

    [Fact]
    [Statement("S-PLAT-21")]
    public void Release_SharedBufferOnSev_LeavesItsBytesInDram()
    {
        using var test = new TestGuest(Platform.Sev);
        int fd = test.Allocate(TestGuest.Shared, 4096);
        ulong address = test.Map(fd);
        ulong gpa = test.Stat(fd).Chunks[0].Address;
        test.Store(address, Secret);

        Assert.Null(test.Guest.Mappings.Munmap(test.Init, address));
        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

        Assert.Equal(Secret, test.HostRead(gpa, Secret.Length));
    }

    [Fact]
    [Statement("S-PLAT-21")]
    public void Release_SharedBufferOnSnp_DropsItsBytes()
    {
        using var test = new TestGuest(Platform.SevSnp);
        int fd = test.Allocate(TestGuest.Shared, 4096);
        ulong gpa = test.Stat(fd).Chunks[0].Address;
        ulong address = test.Map(fd);
        test.Store(address, Secret);

        Assert.Null(test.Guest.Mappings.Munmap(test.Init, address));
        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

        Assert.Equal(new byte[Secret.Length], test.HostRead(gpa, Secret.Length));
    }

    [Theory]
    [Statement("S-SYS-05")]
    [InlineData(Platform.None)]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void Load_PrivateBufferInFramesUsedBefore_IsZeros(Platform platform)
    {
        using var test = new TestGuest(platform);
        int fd = test.Allocate(TestGuest.Private, 0x21000);
        ulong address = test.Map(fd);
        test.Store(address, [.. Enumerable.Repeat((byte)0xee, 0x21000)]);
        Assert.Null(test.Guest.Mappings.Munmap(test.Init, address));
        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

        Assert.Equal(new byte[0x21000], test.Load(test.Map(test.Allocate(TestGuest.Private, 0x21000)), 0x21000));
    }

    [Theory]
    [Statement("S-SYS-05")]
    [InlineData(Platform.Sev, false)]
    [InlineData(Platform.SevSnp, true)]
    [InlineData(Platform.Tdx, true)]
    public void Load_PrivateBufferInFramesThatOnlyADeviceWrote_IsZeros(Platform platform, bool trusted)
    {
        using var test = new TestGuest(platform);
        test.Register(test.Init, trusted: trusted);
        int fd = test.Allocate(TestGuest.Private, 4096);
        Assert.Null(test.Guest.Devices.DmaWrite(test.Init, TestGuest.Nic, test.Stat(fd).Chunks[0].Address, Secret));
        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

        Assert.Equal(new byte[4096], test.Load(test.Map(test.Allocate(TestGuest.Private, 4096)), 4096));
    }

    [Fact]
    [Statement("S-SWI-35")]
    public void Snapshot_LiveAndStaleBounceMemory_IsCountedAsDeclassified()
    {
        using var test = new TestGuest();
        (ulong attachment, _) = test.AttachAndMap(test.Allocate(TestGuest.Private, 4096));
        SwiotlbCounters live = test.Snapshot().Dma.DefaultPool!;
        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));
        SwiotlbCounters stale = test.Snapshot().Dma.DefaultPool!;

        Assert.Equal((4096UL, 0UL, 0UL, 4096UL), (live.LiveBytes, live.StaleBytes, stale.LiveBytes, stale.StaleBytes));
    }

    [Fact]
    public void SharedPath_ThroughAnFd_CostsTheServerNoCopy()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, 4096);
        MmapResult map = test.Guest.Mappings.Mmap(test.Init, fd, 0, null, null, CocoGuest.Machine.Abi.MapFlags.Shared).Value;
        using (var file = new FileStream(map.Backing!.OpenFd().Value, FileAccess.ReadWrite, 1))
        {
            file.Write(Secret);
        }

        Assert.Equal(0UL, test.Snapshot().Copies.SharedBufferBytes);
        Assert.Equal(Secret, test.Load(map.Address, Secret.Length));
        Assert.Equal((ulong)Secret.Length, test.Snapshot().Copies.SharedBufferBytes);
    }

    [Fact]
    public void PageStates_GuestWithMemoryAbove4GiB_SkipTheHoleBelow()
    {
        using var test = new TestGuest(shape: s => s with { MemoryBytes = 4UL << 30 });

        IReadOnlyList<PageStateRun> runs = test.Guest.HostView.PageStates(0, 0, 1024).Value;

        Assert.Equal(4UL << 30, runs.Aggregate(0UL, (sum, run) => sum + run.Range.Bytes));
        Assert.All(runs, run => Assert.False(run.Range.Address is >= 3UL << 30 and < 4UL << 30));
    }

    private static ulong StoreSecret(TestGuest test)
    {
        int fd = test.Allocate(TestGuest.Private, 4096);
        test.Store(test.Map(fd), Secret);
        return test.Stat(fd).Chunks[0].Address;
    }
}
