using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.DmaBufs;

/// <summary>udmabufs over memfds.</summary>
public class UdmabufTests
{
    private const ulong FileBytes = 16384;

    [Theory]
    [Statement("S-BUF-116")]
    [InlineData(FileSeals.Shrink, Errno.None)]
    [InlineData(FileSeals.Shrink | FileSeals.Grow, Errno.None)]
    [InlineData(FileSeals.None, Errno.EINVAL)]
    [InlineData(FileSeals.Grow, Errno.EINVAL)]
    [InlineData(FileSeals.Shrink | FileSeals.Write, Errno.EINVAL)]
    [InlineData(FileSeals.Shrink | FileSeals.FutureWrite, Errno.EINVAL)]
    public void Create_Seals_ShrinkIsNeededAndWriteIsNotAllowed(FileSeals seals, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        int memfd = NewMemfd(test, seals);

        Assert.Equal(errno, test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(memfd, 0, FileBytes)]).Failure?.Errno ?? Errno.None);
    }

    [Theory]
    [Statement("S-BUF-116")]
    [InlineData(false)]
    [InlineData(true)]
    public void Create_OfAMemfdThatTakesNoSeals_IsEinval(bool huge)
    {
        using var test = new TestGuest(Platform.None);
        ulong size = huge ? 2UL << 20 : FileBytes;
        int memfd = test.Guest.Memfds.Create(test.Init, allowSealing: false, huge).Value;
        Assert.Null(test.Guest.Memfds.Truncate(test.Init, memfd, size));
        Assert.Equal(Errno.EPERM, test.Guest.Memfds.AddSeals(test.Init, memfd, FileSeals.Shrink)!.Errno);
        Assert.Equal(FileSeals.Seal, test.Guest.Memfds.GetSeals(test.Init, memfd).Value);

        Assert.Equal(Errno.EINVAL, test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(memfd, 0, size)]).Failure!.Errno);
        Assert.Equal(
            Errno.EINVAL,
            test.Guest.Udmabufs.Create(
                test.Init, 0, [new UdmabufItem(NewMemfd(test), 0, FileBytes), new UdmabufItem(memfd, 0, size)]).Failure!.Errno);
    }

    [Theory]
    [Statement("S-BUF-116")]
    [InlineData(0UL, 1UL, Errno.EINVAL)]
    [InlineData(0xfffUL, 0x1000UL, Errno.EINVAL)]
    [InlineData(0x3000UL, 0x1000UL, Errno.None)]
    [InlineData(0x4000UL, 0x1000UL, Errno.EINVAL)]
    [InlineData(0xfffffffffffff000UL, 0x1000UL, Errno.EINVAL)]
    [InlineData(0UL, 0xfffffffffffff000UL, Errno.EINVAL)]
    public void Create_Range_HasToLieInTheFile(ulong offset, ulong size, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        int memfd = NewMemfd(test);

        Assert.Equal(errno, test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(memfd, offset, size)]).Failure?.Errno ?? Errno.None);
    }

    [Theory]
    [Statement("S-BUF-111")]
    [InlineData(KernelVersion.V612, 0x4001000UL, Errno.EINVAL)]
    [InlineData(KernelVersion.V72, 0x4001000UL, Errno.EINVAL)]
    [InlineData(KernelVersion.V73, 0x4001000UL, Errno.None)]
    [InlineData(KernelVersion.V72, 0x4000000UL, Errno.None)]
    [InlineData(KernelVersion.V73, 1UL << 40, Errno.ENOMEM)]
    public void Create_Large_IsLimitedByKernel(KernelVersion kernel, ulong size, Errno errno)
    {
        using var test = new TestGuest(Platform.None, kernel);
        int memfd = NewMemfd(test, size: 80UL << 20);

        Assert.Equal(errno, test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(memfd, 0, size)]).Failure?.Errno ?? Errno.None);
    }

    [Fact]
    [Statement("S-BUF-116")]
    public void Create_OtherFiles_AreEbadfdAndLeaveNothing()
    {
        using var test = new TestGuest(Platform.None);
        int heap = test.Allocate("system", 4096);
        int memfd = NewMemfd(test);
        ulong free = test.Snapshot().Memory.Free;

        Failure failure = test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(heap, 0, 4096)]).Failure!;

        Assert.Equal((Errno.EBADFD, "memfd"), (failure.Errno, failure.Field));
        Assert.Equal(Errno.EBADFD, test.Guest.Udmabufs.Create(
            test.Init, 0, [new UdmabufItem(memfd, 0, 4096), new UdmabufItem(-1, 0, 4096)]).Failure!.Errno);
        Assert.Equal(free - 4096, test.Snapshot().Memory.Free);
        Assert.Null(test.Guest.Memfds.AddSeals(test.Init, memfd, FileSeals.Write));
    }

    [Fact]
    [Statement("S-BUF-116")]
    public void Mmap_Udmabuf_ShowsTheFilesPagesAndKeepsThem()
    {
        using var test = new TestGuest(Platform.None);
        int memfd = NewMemfd(test);
        Assert.Equal(1, test.Guest.Memfds.Write(test.Init, memfd, 4096, [0x61]).Value);
        int fd = test.Guest.Udmabufs.Create(test.Init, 1, [new UdmabufItem(memfd, 4096, 8192)]).Value.Fd;
        ulong address = test.Map(fd);

        Assert.Equal([0x61], test.Load(address, 1));
        test.Store(address + 4096, [0x62]);
        Assert.Equal(0x62, ReadMemfd(test, memfd, 8192));
        Assert.Equal(Errno.EINVAL, test.Guest.Mappings.Mmap(
            test.Init, fd, 0, 8192, MapProtection.Read, MapFlags.Private).Failure!.Errno);
        Assert.Equal(Errno.EBUSY, test.Guest.Memfds.AddSeals(test.Init, memfd, FileSeals.Write)!.Errno);
        Assert.Equal(Errno.EPERM, test.Guest.Memfds.Truncate(test.Init, memfd, 4096)!.Errno);
        Assert.Null(test.Guest.Memfds.PunchHole(test.Init, memfd, 4096, 4096));
        Assert.Equal([0x61], test.Load(address, 1));
        Assert.Equal(0, ReadMemfd(test, memfd, 4096));
        Assert.Null(test.Guest.Files.Close(test.Init, memfd));
        Assert.Equal([0x62], test.Load(address + 4096, 1));
    }

    [Fact]
    [Statement("S-BUF-116")]
    public void Release_LastReference_GivesThePagesBack()
    {
        using var test = new TestGuest(Platform.None);
        ulong free = test.Snapshot().Memory.Free;
        int memfd = NewMemfd(test);
        int fd = test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(memfd, 0, FileBytes)]).Value.Fd;

        Assert.Null(test.Guest.Files.Close(test.Init, memfd));
        Assert.Equal(free - FileBytes, test.Snapshot().Memory.Free);
        Assert.Null(test.Guest.Files.Close(test.Init, fd));
        Assert.Equal(free, test.Snapshot().Memory.Free);
    }

    [Fact]
    public void Sync_Udmabuf_MapsItsOwnDeviceAtTheFirstStart()
    {
        using var test = new TestGuest(Platform.None, KernelVersion.V612, s => s with { Swiotlb = "force" });
        int memfd = NewMemfd(test);
        int fd = test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(memfd, 0, FileBytes)]).Value.Fd;

        Assert.Equal(Errno.EINVAL, test.Guest.Importers.Sync(test.Init, fd, 5).Failure!.Errno);
        Assert.True(test.Guest.Importers.Sync(test.Init, fd, 1).Ok);
        Assert.Equal(8U, (uint)test.Guest.Dma.DefaultPool!.UsedSlots);
        Assert.True(test.Guest.Importers.Sync(test.Init, fd, 5).Ok);
        Assert.Null(test.Guest.Files.Close(test.Init, fd));
        Assert.Equal(0U, (uint)test.Guest.Dma.DefaultPool.UsedSlots);
    }

    [Fact]
    public void Ioctl_BadArguments_HaveTheirErrnos()
    {
        using var test = new TestGuest(Platform.None);
        int node = test.Guest.Udmabufs.Open(test.Init).Value;

        Errno Try(uint command, byte[]? bytes) => test.Guest.Udmabufs.Ioctl(
            test.Init, node, command, bytes is null ? null : bytes.AsMemory()).Failure!.Errno;

        Assert.Equal(Errno.EFAULT, Try(GuestUdmabufs.CreateCommand, null));
        Assert.Equal(Errno.EFAULT, Try(GuestUdmabufs.CreateListCommand, [0, 0, 0, 0, 1, 0, 0, 0]));
        Assert.Equal(Errno.EINVAL, Try(GuestUdmabufs.CreateListCommand, [0, 0, 0, 0, 1, 4, 0, 0]));
        Assert.Equal(Errno.ENOTTY, Try(0x40187541, new byte[24]));
    }

    private static int NewMemfd(TestGuest test, FileSeals seals = FileSeals.Shrink, ulong size = FileBytes)
    {
        int memfd = test.Guest.Memfds.Create(test.Init, allowSealing: true).Value;
        Assert.Null(test.Guest.Memfds.Truncate(test.Init, memfd, size));
        Assert.Null(test.Guest.Memfds.AddSeals(test.Init, memfd, seals));
        return memfd;
    }

    private static byte ReadMemfd(TestGuest test, int memfd, ulong offset)
    {
        byte[] one = new byte[1];
        Assert.Equal(1, test.Guest.Memfds.Read(test.Init, memfd, offset, one).Value);
        return one[0];
    }
}
