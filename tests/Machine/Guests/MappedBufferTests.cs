using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Guests;

/// <summary>Calls on a mapping of a heap buffer, and pins of it (S-BUF-36, S-PIN-01 to 09).</summary>
public sealed class MappedBufferTests
{
    private const ulong Size = 0x11000;
    private const string Cma = "default_cma_region";
    private const MapProtection Both = MapProtection.Read | MapProtection.Write;

    [Theory]
    [Statement("S-BUF-36", "S-BUF-30")]
    [InlineData(0u, MapProtection.Read, null)]
    [InlineData(0u, Both, Errno.EACCES)]
    [InlineData(2u, Both, null)]
    public void Mprotect_MappingOfAnFd_GivesNoMoreThanTheFdHas(uint fdFlags, MapProtection wanted, Errno? errno)
    {
        using var test = new TestGuest();
        int fd = test.TryAllocate(TestGuest.Shared, Size, fdFlags).Value.Fd;
        ulong address = test.Guest.Mappings.Mmap(test.Init, fd, 0, null, MapProtection.Read, MapFlags.Shared).Value.Address;

        Assert.Equal(errno, test.Guest.Mappings.Mprotect(test.Init, address, Size, wanted)?.Errno);
    }

    [Theory]
    [Statement("S-BUF-36", "S-PIN-09")]
    [InlineData(Size, Size + 0x1000, Errno.EFAULT)]
    [InlineData(0UL, Size, Errno.EFAULT)]
    [InlineData(Size, 0x1000UL, Errno.None)]
    public void Mremap_HeapBuffer_ShrinksButNeitherGrowsNorDuplicates(ulong oldLength, ulong newLength, Errno errno)
    {
        using var test = new TestGuest();
        ulong address = test.Map(test.Allocate(TestGuest.Shared, Size));

        Result<ulong> result = test.Guest.Mappings.Mremap(test.Init, address, oldLength, newLength, mayMove: true, fixedAddress: null);

        Assert.Equal(errno, result.Failure?.Errno ?? Errno.None);
    }

    [Fact]
    [Statement("S-BUF-36")]
    public void Mremap_Moved_ShowsTheSameBytes()
    {
        using var test = new TestGuest();
        ulong address = test.Map(test.Allocate(TestGuest.Shared, Size));
        test.Store(address + 0x10000, "moved"u8);
        ulong elsewhere = address - (1UL << 30);

        Assert.Equal(elsewhere, test.Guest.Mappings.Mremap(test.Init, address, Size, Size, mayMove: true, elsewhere).Value);

        Assert.Equal("moved"u8.ToArray(), test.Load(elsewhere + 0x10000, 5));
        Assert.Equal(Errno.EFAULT, test.Guest.Mappings.Load(test.Init, address, new byte[1])!.Errno);
    }

    [Theory]
    [Statement("S-BUF-36")]
    [InlineData("DONTNEED")]
    [InlineData("FREE")]
    [InlineData("DOFORK")]
    [InlineData("COLD")]
    public void Madvise_HeapBuffer_IsEinval(string advice)
    {
        using var test = new TestGuest();
        ulong address = test.Map(test.Allocate(TestGuest.Shared, Size));

        Assert.Equal(Errno.EINVAL, test.Guest.Mappings.Madvise(test.Init, address, Size, advice)!.Errno);
    }

    [Theory]
    [Statement("S-BUF-37")]
    [InlineData("REMOVE", Errno.ENODEV)]
    [InlineData("COLLAPSE", Errno.EINVAL)]
    [InlineData("GUARD_INSTALL", Errno.EINVAL)]
    [InlineData("GUARD_REMOVE", Errno.EINVAL)]
    [InlineData("HWPOISON", Errno.EFAULT)]
    [InlineData("SOFT_OFFLINE", Errno.EFAULT)]
    [InlineData("NOTHING", Errno.EINVAL)]
    public void Madvise_ThatTakesPagesAway_IsRefusedAndTheBytesStay(string advice, Errno errno)
    {
        using var test = new TestGuest(shape: s => s with { Cma = "64M" });
        int memfd = test.Guest.Memfds.Create(test.Init, allowSealing: true).Value;
        Assert.Null(test.Guest.Memfds.Truncate(test.Init, memfd, Size));
        Assert.Null(test.Guest.Memfds.AddSeals(test.Init, memfd, FileSeals.Shrink));
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;
        DumbBuffer dumb = test.Guest.Drm.CreateDumb(test.Init, node, 64, 64, 32).Value;
        DmaAllocation coherent = test.Guest.DmaApi.AllocCoherent(test.Init, "", 8192).Value;
        ulong[] addresses =
        [
            .. new[]
            {
                test.Allocate(TestGuest.Private, Size), test.Allocate(TestGuest.Shared, Size), test.Allocate("default_cma_region", Size),
                test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(memfd, 0, Size)]).Value.Fd,
                test.Guest.Drm.HandleToFd(test.Init, node, dumb.Handle, 2).Value.Fd,
            }.Select(test.Map),
            test.Guest.Mappings.Mmap(
                test.Init, node, test.Guest.Drm.MapDumb(test.Init, node, dumb.Handle).Value, dumb.Size, null, MapFlags.Shared)
                .Value.Address,
            test.Guest.DmaApi.Mmap(test.Init, coherent.Id, 0).Value.Address,
        ];

        foreach (ulong address in addresses)
        {
            test.Store(address, "stays"u8);
            Assert.Equal(errno, test.Guest.Mappings.Madvise(test.Init, address, 4096, advice)!.Errno);
            Assert.Equal("stays"u8.ToArray(), test.Load(address, 5));
        }
    }

    [Theory]
    [Statement("S-BUF-37")]
    [InlineData(TestGuest.Private)]
    [InlineData(TestGuest.Shared)]
    [InlineData(Cma)]
    public void MadviseRemove_OfAMappingThatCannotWriteTheBuffer_IsEacces(string heap)
    {
        using var test = new TestGuest(shape: s => s with { Cma = "64M" });
        int fd = test.TryAllocate(heap, Size, fdFlags: 0).Value.Fd;
        ulong address = test.Guest.Mappings.Mmap(test.Init, fd, 0, null, MapProtection.Read, MapFlags.Shared).Value.Address;

        Assert.Equal(Errno.EACCES, test.Guest.Mappings.Madvise(test.Init, address, 4096, "REMOVE")!.Errno);
    }

    [Fact]
    [Statement("S-BUF-37")]
    public void MadviseRemove_OfOwnMemory_PunchesWhatIsSharedOnly()
    {
        using var test = new TestGuest(Platform.None);
        ulong Anonymous(MapFlags flags) => test.Guest.Mappings.Mmap(
            test.Init, -1, 0, 8192, MapProtection.Read | MapProtection.Write, MapFlags.Anonymous | flags).Value.Address;
        ulong shared = Anonymous(MapFlags.Shared);
        ulong own = Anonymous(MapFlags.Private);
        test.Store(shared, [7]);
        test.Store(shared + 4096, [8]);

        Assert.Null(test.Guest.Mappings.Madvise(test.Init, shared, 4096, "REMOVE"));

        Assert.Equal([0, 8], [.. test.Load(shared, 1), .. test.Load(shared + 4096, 1)]);
        Assert.Equal(Errno.EINVAL, test.Guest.Mappings.Madvise(test.Init, own, 4096, "REMOVE")!.Errno);
    }

    [Theory]
    [Statement("S-BUF-36")]
    [InlineData(true, Errno.EINVAL)]
    [InlineData(false, null)]
    public void Msync_HeapBuffer_CannotSync(bool sync, Errno? errno)
    {
        using var test = new TestGuest();
        ulong address = test.Map(test.Allocate(TestGuest.Shared, Size));

        Assert.Equal(errno, test.Guest.Mappings.Msync(test.Init, address, Size, sync)?.Errno);
    }

    [Fact]
    [Statement("S-BUF-36")]
    public void Mlock_HeapBuffer_Succeeds()
    {
        using var test = new TestGuest();

        Assert.Null(test.Guest.Mappings.Mlock(test.Init, test.Map(test.Allocate(TestGuest.Shared, Size)), Size));
    }

    [Theory]
    [Statement("S-BUF-36", "S-REC-53")]
    [InlineData(KernelVersion.V612, false)]
    [InlineData(KernelVersion.V72, false)]
    [InlineData(KernelVersion.V73, true)]
    public void Mincore_HeapBuffer_IsResidentSince73(KernelVersion kernel, bool resident)
    {
        using var test = new TestGuest(Platform.None, kernel);
        ulong address = test.Map(test.Allocate(TestGuest.Private, Size));

        Assert.Equal(Enumerable.Repeat(resident, 17), test.Guest.Mappings.Mincore(test.Init, address, Size).Value);
    }

    [Theory]
    [Statement("S-SYS-48", "S-BUF-36", "S-PIN-02", "S-PIN-09")]
    [InlineData(TestGuest.Private)]
    [InlineData(TestGuest.Shared)]
    [InlineData(Cma)]
    public void Smaps_HeapBuffer_IsMappedByPageFrame(string heap)
    {
        using TestGuest test = WithCma();
        int fd = test.Allocate(heap, Size);
        Assert.Null(test.Guest.Buffers.SetName(test.Init, fd, "picture"));

        SmapsEntry smaps = test.Guest.Mappings.Smaps(test.Init, test.Map(fd)).Value;

        Assert.Equal(("/dmabuf:picture", 0UL), (smaps.Name, smaps.ResidentKilobytes));
        Assert.Empty(new[] { "ms", "pf", "io", "de", "dd" }.Except(smaps.VmFlags.Split(' ')));
    }

    [Theory]
    [Statement("S-PIN-01", "S-PIN-02", "S-PIN-05")]
    [InlineData(TestGuest.Private)]
    [InlineData(TestGuest.Shared)]
    [InlineData(Cma)]
    public void Pin_HeapBuffer_IsEfault(string heap)
    {
        using TestGuest test = WithCma();
        ulong address = test.Map(test.Allocate(heap, Size));

        Assert.Equal(Errno.EFAULT, test.Guest.Pins.Pin(test.Init, address, Size, write: false).Failure!.Errno);
        Assert.Equal(0, test.Guest.Pins.PinnedPages);
    }

    [Theory]
    [Statement("S-PIN-01")]
    [InlineData(Both, true, null)]
    [InlineData(MapProtection.Read, false, null)]
    [InlineData(MapProtection.Read, true, Errno.EFAULT)]
    [InlineData(MapProtection.None, false, Errno.EFAULT)]
    public void Pin_AnonymousMemory_NeedsTheRight(MapProtection protection, bool write, Errno? errno)
    {
        using var test = new TestGuest();
        ulong address = test.Guest.Mappings.MmapAnonymous(test.Init, 0x2000, protection).Value.Address;

        Assert.Equal(errno, test.Guest.Pins.Pin(test.Init, address, 0x2000, write).Failure?.Errno);
    }

    [Fact]
    [Statement("S-PIN-01")]
    public void Pin_NothingMapped_IsEfault()
    {
        using var test = new TestGuest();

        Assert.Equal(Errno.EFAULT, test.Guest.Pins.Pin(test.Init, 0x10000, 4096, write: false).Failure!.Errno);
    }

    [Fact]
    [Statement("S-PIN-03")]
    public void Pin_RangeThatEndsInAHole_GivesTheShortCountThenEfault()
    {
        using var test = new TestGuest();
        ulong address = test.Guest.Mappings.MmapAnonymous(test.Init, 0x3000, Both).Value.Address;
        Assert.Null(test.Guest.Mappings.Munmap(test.Init, address + 0x2000, 0x1000));

        UserPin pin = test.Guest.Pins.Pin(test.Init, address, 0x3000, write: true).Value;

        Assert.Equal((2, 3UL), (pin.Pages.Count, pin.Wanted));
        Assert.Equal(Errno.EFAULT, test.Guest.Pins.Pin(test.Init, address + 0x2000, 0x1000, write: true).Failure!.Errno);
    }

    [Fact]
    [Statement("S-PIN-06")]
    public void Unpin_PageUnmappedMeanwhile_GoesBackOnlyThen()
    {
        using var test = new TestGuest();
        ulong free = test.Snapshot().Memory.Free;
        ulong address = test.Guest.Mappings.MmapAnonymous(test.Init, 0x1000, Both).Value.Address;
        UserPin pin = test.Guest.Pins.Pin(test.Init, address, 0x1000, write: true).Value;

        Assert.Null(test.Guest.Mappings.Munmap(test.Init, address));
        Assert.Equal(free - 4096, test.Snapshot().Memory.Free);
        Assert.Null(test.Guest.Pins.Unpin(test.Init, pin.Id));

        Assert.Equal((free, 0), (test.Snapshot().Memory.Free, test.Guest.Pins.PinnedPages));
    }

    [Fact]
    [Statement("S-PIN-09", "S-BUF-90")]
    public void Fork_MappingOfABuffer_IsSharedWithTheChild()
    {
        using var test = new TestGuest();
        GuestProcess parent = test.Open();
        int fd = test.Guest.Heaps.Allocate(parent, TestGuest.Shared, 4096, 2, 0).Value.Fd;
        ulong address = test.Guest.Mappings.Mmap(parent, fd, 0, null, null, MapFlags.Shared).Value.Address;
        GuestProcess child = test.Guest.Processes.Fork(parent).Value;
        Assert.Null(test.Guest.Mappings.Store(child, address, "child"u8));
        byte[] seen = new byte[5];

        Assert.Null(test.Guest.Mappings.Load(parent, address, seen));

        Assert.Equal("child"u8.ToArray(), seen);
    }

    private static TestGuest WithCma() => new(shape: s => s with { Cma = "64M" });
}
