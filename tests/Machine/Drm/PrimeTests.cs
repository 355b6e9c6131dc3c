using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Drm;

/// <summary>PRIME on the vgem-like and the vkms-like node.</summary>
public class PrimeTests
{
    private const ulong Bytes = 0x2000;

    [Theory]
    [Statement("S-GPU-02", "S-GPU-06", "S-GPU-11")]
    [InlineData("vgem")]
    [InlineData("vkms")]
    public void FdToHandle_HeapBuffer_HoldsThreeReferencesUntilClosed(string driver)
    {
        using var test = new TestGuest(Platform.None, KernelVersion.V612);
        int fd = test.Allocate("system", Bytes);
        ulong before = test.Stat(fd).Count;
        int node = test.Guest.Drm.Open(test.Init, driver).Value;

        uint handle = test.Guest.Drm.FdToHandle(test.Init, node, fd).Value;

        Assert.Equal(1u, handle);
        Assert.Equal(before + 3, test.Stat(fd).Count);
        Assert.Equal([driver], test.Stat(fd).AttachedDevices);
        Assert.Equal(handle, test.Guest.Drm.FdToHandle(test.Init, node, fd).Value);
        Assert.Equal(before + 3, test.Stat(fd).Count);
        Assert.Null(test.Guest.Drm.GemClose(test.Init, node, handle));
        Assert.Equal(before, test.Stat(fd).Count);
        Assert.Empty(test.Stat(fd).AttachedDevices);
        Assert.Equal(Errno.EINVAL, test.Guest.Drm.GemClose(test.Init, node, handle)!.Errno);
    }

    [Theory]
    [Statement("S-GPU-02", "S-GPU-07", "S-REC-50")]
    [InlineData(KernelVersion.V612, 8UL)]
    [InlineData(KernelVersion.V72, 0UL)]
    [InlineData(KernelVersion.V73, 0UL)]
    public void FdToHandle_ForcedBounce_MapsOnlyInOlderKernels(KernelVersion kernel, ulong slots)
    {
        using var test = new TestGuest(Platform.None, kernel, s => s with { Swiotlb = "force" });
        int fd = test.Allocate("system", 2 * Bytes);
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;

        uint handle = test.Guest.Drm.FdToHandle(test.Init, node, fd).Value;

        Assert.Equal(slots, (ulong)test.Guest.Dma.DefaultPool!.UsedSlots);
        Assert.Null(test.Guest.Drm.GemClose(test.Init, node, handle));
        Assert.Equal(0UL, (ulong)test.Guest.Dma.DefaultPool.UsedSlots);
    }

    [Fact]
    [Statement("S-GPU-02", "S-GPU-03", "S-SYS-60")]
    public void FdToHandle_MapFails_UndoesEverything()
    {
        using var test = new TestGuest(Platform.None, KernelVersion.V612, s => s with { Swiotlb = "force" });
        int fd = test.Allocate("system", 1 << 20);
        ulong before = test.Stat(fd).Count;
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;

        Assert.Equal(Errno.EIO, test.Guest.Drm.FdToHandle(test.Init, node, fd).Failure!.Errno);

        Assert.Equal(before, test.Stat(fd).Count);
        Assert.Empty(test.Stat(fd).AttachedDevices);
    }

    [Theory]
    [Statement("S-BUF-38", "S-BUF-40", "S-GPU-02")]
    [InlineData(0, Errno.EINVAL)]
    [InlineData(2, Errno.EINVAL)]
    [InlineData(-1, Errno.EBADF)]
    [InlineData(99, Errno.EBADF)]
    public void FdToHandle_StandardStream_IsOpenAndNoDmaBuf(int fd, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;

        Assert.Equal(errno, test.Guest.Drm.FdToHandle(test.Init, node, fd).Failure!.Errno);
        Assert.Equal(errno, test.Guest.Importers.Attach(test.Init, fd, "").Failure!.Errno);
        Assert.Equal(errno, test.Guest.Buffers.Stat(test.Init, fd).Failure!.Errno);
        Assert.Equal(
            errno == Errno.EBADF ? Errno.EBADF : Errno.ENOTTY, test.Guest.Fences.Info(test.Init, fd).Failure!.Errno);
    }

    [Fact]
    [Statement("S-BUF-38", "S-BUF-40", "S-GPU-02")]
    public void FdToHandle_OtherFilesOfTheGuest_AreNoDmaBufs()
    {
        using var test = new TestGuest(Platform.None);
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;
        int buffer = test.Allocate("system", Bytes);
        int path = test.Guest.Tree.Open(test.Init, $"/proc/self/fd/{buffer}", OpenFlags.PathOnly).Value;
        int timeline = test.Guest.Fences.CreateTimeline(test.Init, "t").Value;
        int[] others =
        [
            node, timeline, test.Guest.Fences.CreateFence(test.Init, timeline, 1).Value, test.Guest.Udmabufs.Open(test.Init).Value,
            test.Guest.Memfds.Create(test.Init, allowSealing: true).Value,
        ];

        Assert.All(others, fd => Assert.Equal(Errno.EINVAL, test.Guest.Drm.FdToHandle(test.Init, node, fd).Failure!.Errno));
        Assert.Equal(Errno.EBADF, test.Guest.Drm.FdToHandle(test.Init, node, path).Failure!.Errno);
    }

    [Fact]
    [Statement("S-BUF-38", "S-BUF-40")]
    public void FdToHandle_StreamThatWasReplacedAndClosed_IsNotOpen()
    {
        using var test = new TestGuest(Platform.None);
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;
        Assert.Equal(0, test.Guest.Files.Dup2(test.Init, test.Allocate("system", Bytes), 0).Value);
        Assert.Equal(1u, test.Guest.Drm.FdToHandle(test.Init, node, 0).Value);

        Assert.Null(test.Guest.Files.Close(test.Init, 0));

        Assert.Equal(Errno.EBADF, test.Guest.Drm.FdToHandle(test.Init, node, 0).Failure!.Errno);
    }

    [Fact]
    [Statement("S-GPU-01", "S-GPU-04", "S-GPU-11")]
    public void HandleToFd_ImportedObject_GivesTheOriginalWithItsAccessMode()
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.TryAllocate("system", Bytes, fdFlags: 0).Value.Fd;
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;
        uint handle = test.Guest.Drm.FdToHandle(test.Init, node, fd).Value;

        BufferHandle again = test.Guest.Drm.HandleToFd(test.Init, node, handle, 0x80002).Value;

        Assert.Equal(test.Stat(fd).Inode, again.Inode);
        Assert.True(test.Init.Fds.IsCloseOnExec(again.Fd));
        Assert.False(test.Init.Fds.Find(again.Fd)!.Writable);
        Assert.Equal(Errno.EINVAL, test.Guest.Drm.HandleToFd(test.Init, node, handle, 1).Failure!.Errno);
        Assert.Equal(Errno.ENOENT, test.Guest.Drm.HandleToFd(test.Init, node, handle + 1, 0).Failure!.Errno);
        Assert.Equal(Errno.EINVAL, test.Guest.Drm.MapDumb(test.Init, node, handle).Failure!.Errno);
    }

    [Fact]
    [Statement("S-GPU-02", "S-GPU-04", "S-GPU-08")]
    public void FdToHandle_OwnExport_IsTheObjectItself()
    {
        using var test = new TestGuest(Platform.None);
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;
        DumbBuffer dumb = test.Guest.Drm.CreateDumb(test.Init, node, 64, 64, 32).Value;
        BufferHandle exported = test.Guest.Drm.HandleToFd(test.Init, node, dumb.Handle, 2).Value;

        Assert.Equal(dumb.Handle, test.Guest.Drm.FdToHandle(test.Init, node, exported.Fd).Value);
        Assert.Empty(test.Stat(exported.Fd).AttachedDevices);
        Assert.Null(test.Guest.Drm.GemClose(test.Init, node, dumb.Handle));

        // The dma-buf keeps the object, which a later import finds again.
        ulong address = test.Map(exported.Fd);
        test.Store(address, [0x51]);
        uint handle = test.Guest.Drm.FdToHandle(test.Init, node, exported.Fd).Value;
        ulong offset = test.Guest.Drm.MapDumb(test.Init, node, handle).Value;
        ulong through = test.Guest.Mappings.Mmap(test.Init, node, offset, dumb.Size, MapProtection.Read, MapFlags.Shared).Value.Address;
        Assert.Equal([0x51], test.Load(through, 1));
    }

    [Fact]
    [Statement("S-GPU-05", "S-GPU-12", "S-BUF-53")]
    public void Map_OfADrmExport_IsKeptUntilDetachIn612()
    {
        using var test = new TestGuest(Platform.None, KernelVersion.V612, s => s with { Swiotlb = "force" });
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;
        DumbBuffer dumb = test.Guest.Drm.CreateDumb(test.Init, node, 64, 64, 32).Value;
        int fd = test.Guest.Drm.HandleToFd(test.Init, node, dumb.Handle, 2).Value.Fd;
        (ulong attachment, Result<DmaMapping> mapping) = test.AttachAndMap(fd, CocoGuest.Machine.Abi.DmaDirection.ToDevice);

        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));

        Assert.Equal(8U, (uint)test.Guest.Dma.DefaultPool!.UsedSlots);
        Assert.Equal(Errno.EBUSY,
            test.Guest.Importers.Map(test.Init, attachment, CocoGuest.Machine.Abi.DmaDirection.FromDevice, 0).Failure!.Errno);
        Result<DmaMapping> again = test.Guest.Importers.Map(test.Init, attachment, CocoGuest.Machine.Abi.DmaDirection.ToDevice, 0);
        Assert.Equal(mapping.Value.AddressOf(0), again.Value.AddressOf(0));
        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));
        Assert.Null(test.Guest.Importers.Detach(test.Init, attachment));
        Assert.Equal(0U, (uint)test.Guest.Dma.DefaultPool.UsedSlots);
    }

    [Theory]
    [Statement("S-GPU-11")]
    [InlineData(1u, 1u, 8u, 1u, 4096UL)]
    [InlineData(100u, 100u, 24u, 300u, 32768UL)]
    [InlineData(3u, 3u, 1u, 1u, 4096UL)]
    [InlineData(1025u, 1u, 32u, 4100u, 8192UL)]
    public void CreateDumb_Picture_HasRowsOfWholeBytes(uint width, uint height, uint bits, uint pitch, ulong size)
    {
        using var test = new TestGuest(Platform.None);
        int node = test.Guest.Drm.Open(test.Init, "vkms").Value;

        Assert.Equal(new DumbBuffer(1, pitch, size), test.Guest.Drm.CreateDumb(test.Init, node, width, height, bits).Value);
    }

    [Theory]
    [InlineData(0u, 1u, 32u, "width")]
    [InlineData(1u, 0u, 32u, "height")]
    [InlineData(1u, 1u, 0u, "bpp")]
    [InlineData(uint.MaxValue, 1u, 32u, "height")]
    [InlineData(65536u, 65536u, 32u, "height")]
    public void CreateDumb_NoSize_IsRefusedByField(uint width, uint height, uint bits, string field)
    {
        using var test = new TestGuest(Platform.None);
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;

        Failure failure = test.Guest.Drm.CreateDumb(test.Init, node, width, height, bits).Failure!;

        Assert.Equal((Errno.EINVAL, field), (failure.Errno, failure.Field));
    }

    [Fact]
    public void Mmap_OffsetOfAnotherClient_IsRefused()
    {
        using var test = new TestGuest(Platform.None);
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;
        int other = test.Guest.Drm.Open(test.Init, "vgem").Value;
        DumbBuffer dumb = test.Guest.Drm.CreateDumb(test.Init, node, 64, 64, 32).Value;
        ulong offset = test.Guest.Drm.MapDumb(test.Init, node, dumb.Handle).Value;

        Errno Try(int fd, ulong at) => test.Guest.Mappings.Mmap(
            test.Init, fd, at, dumb.Size, MapProtection.Read, MapFlags.Shared).Failure?.Errno ?? Errno.None;

        Assert.Equal(Errno.None, Try(node, offset));
        Assert.Equal(Errno.EACCES, Try(other, offset));
        Assert.Equal(Errno.EINVAL, Try(node, offset + 4096));
        Assert.Equal(Errno.EACCES, test.Guest.Drm.CreateDumb(
            test.Init, test.Guest.Drm.Open(test.Init, "vgem", render: true).Value, 1, 1, 8).Failure!.Errno);
    }
}
