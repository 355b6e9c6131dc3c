using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.HostMemory;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Machine.DmaBufs;

/// <summary>udmabufs of memfds of the host.</summary>
public sealed class NativeUdmabufTests
{
    private const int MemfdFd = 900;
    private const ulong FileBytes = 16384;

    [Theory]
    [Statement("S-BUF-114")]
    [InlineData(Platform.None)]
    [InlineData(Platform.SevSnp)]
    public void Create_OfAHostMemfd_IsOneMemoryWithIt(Platform platform)
    {
        using var test = new TestGuest(platform);
        using var host = new HostMemfd(test);
        host.Bytes(4096)[0] = 0x61;
        int fd = test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(MemfdFd, 4096, 8192)]).Value.Fd;
        ulong address = test.Map(fd);

        Assert.Equal([0x61], test.Load(address, 1));
        test.Store(address + 4096, [0x62]);
        Assert.Equal(0x62, host.Bytes(8192)[0]);
        host.Bytes(8192)[1] = 0x63;
        Assert.Equal([0x63], test.Load(address + 4097, 1));
    }

    [Fact]
    [Statement("S-BUF-114")]
    public void Dma_ThroughABounce_ReachesTheHostMemfd()
    {
        using var test = new TestGuest();
        using var host = new HostMemfd(test);
        host.Bytes(0)[5] = 0x41;
        int fd = test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(MemfdFd, 0, FileBytes)]).Value.Fd;
        (ulong attachment, Result<DmaMapping> mapping) = test.AttachAndMap(fd);

        Assert.Equal([0x41], test.DmaRead(mapping.Value.AddressOf(0) + 5, 1));
        test.DmaWrite(mapping.Value.AddressOf(1), [0x42]);
        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));
        Assert.Equal(0x42, host.Bytes(4096)[0]);
    }

    [Fact]
    [Statement("S-BUF-114")]
    public void Release_LastReference_CutsTheFramesOffAndKeepsTheBytes()
    {
        using var test = new TestGuest(Platform.None);
        using var host = new HostMemfd(test);
        ulong free = test.Snapshot().Memory.Free;
        int fd = test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(MemfdFd, 0, FileBytes)]).Value.Fd;
        Assert.Equal(free - FileBytes, test.Snapshot().Memory.Free);
        test.Store(test.Map(fd), [0x51]);
        ulong phys = ((DmaBuf)test.Init.Fds.Find(fd)!).Chunks[0].Address;
        foreach (Vma vma in test.Init.Addresses.Ascending().ToArray())
        {
            Assert.Null(test.Guest.Mappings.Munmap(test.Init, vma.Start, vma.Length));
        }

        Assert.Null(test.Guest.Files.Close(test.Init, fd));

        Assert.Equal(free, test.Snapshot().Memory.Free);
        Assert.Equal(0x51, host.Bytes(0)[0]);
        host.Bytes(0)[0] = 0x52;
        Assert.Equal([0], test.HostRead(phys, 1));
    }

    [Theory]
    [Statement("S-BUF-116", "S-BUF-114")]
    [InlineData(FileSeals.None, 0ul, 4096ul, Errno.EINVAL)]
    [InlineData(FileSeals.Shrink | FileSeals.Write, 0ul, 4096ul, Errno.EINVAL)]
    [InlineData(FileSeals.Shrink, 1ul, 4096ul, Errno.EINVAL)]
    [InlineData(FileSeals.Shrink, FileBytes, 4096ul, Errno.EINVAL)]
    [InlineData(FileSeals.Shrink, 0ul, FileBytes, Errno.None)]
    public void Create_OfAHostMemfd_ChecksSealsAndRange(FileSeals seals, ulong offset, ulong size, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        using var host = new HostMemfd(test) { Seals = seals };

        Assert.Equal(
            errno,
            test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(MemfdFd, offset, size)]).Failure?.Errno ?? Errno.None);
        Assert.Equal(
            Errno.EBADFD,
            test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(MemfdFd + 1, 0, size)]).Failure?.Errno ?? Errno.EBADFD);
    }

    [Fact]
    [Statement("S-BUF-115")]
    public void OpenMemory_OneRangeFromTheStart_IsTheMemfd()
    {
        using var test = new TestGuest(Platform.None);
        using var host = new HostMemfd(test);
        var whole = new UdmabufItem(MemfdFd, 0, FileBytes);
        var part = new UdmabufItem(MemfdFd, 4096, 4096);

        Assert.NotNull(Memory(test, whole));
        Assert.Equal(Errno.EOPNOTSUPP, Memory(test, part)!.Value.Failure!.Errno);
        Assert.Equal(Errno.EOPNOTSUPP, Memory(test, whole, part)!.Value.Failure!.Errno);
        using SafeFileHandle handle = Memory(test, whole)!.Value.Value;
        host.Bytes(3)[0] = 9;
        byte[] read = new byte[1];
        Assert.Equal(1, RandomAccess.Read(handle, read, 3));
        Assert.Equal(9, read[0]);
    }

    private static Result<SafeFileHandle>? Memory(TestGuest test, params UdmabufItem[] items)
    {
        int fd = test.Guest.Udmabufs.Create(test.Init, 0, items).Value.Fd;
        Assert.Equal(items.Length, test.Guest.Udmabufs.PiecesOf(test.Init, fd).Value.Length);
        return ((Udmabuf)((DmaBuf)test.Init.Fds.Find(fd)!).Exporter).OpenMemory();
    }

    private sealed class HostMemfd : INativeMemfd, INativeMemfds, IDisposable
    {
        private readonly SealedMemfd _memfd = SealedMemfd.Create(FileBytes, readOnly: false).Value;

        public HostMemfd(TestGuest test) => test.Guest.Udmabufs.NativeMemfds = this;

        public ulong Size => FileBytes;

        public FileSeals Seals { get; init; } = FileSeals.Shrink;

        public unsafe Span<byte> Bytes(ulong offset) => new(_memfd.Pointer + offset, (int)(FileBytes - offset));

        public Result<SafeFileHandle> Open() => _memfd.DuplicateFor(readOnly: false);

        public INativeMemfd? Find(GuestProcess process, int fd) => fd == MemfdFd ? this : null;

        public void Dispose() => _memfd.Dispose();
    }
}
