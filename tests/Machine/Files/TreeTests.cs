using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Machine.Tree;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Files;

/// <summary>What programs find by path.</summary>
public sealed class TreeTests
{
    private const uint CharacterDevice = 0x2180;
    private const string Swiotlb = "/sys/kernel/debug/swiotlb";

    [Theory]
    [Statement("S-BUF-113", "S-GPU-26", "S-HEAP-05")]
    [InlineData("/dev/udmabuf", 10u, 122u)]
    [InlineData("/dev/dri/card0", 226u, 0u)]
    [InlineData("/dev/dri/card1", 226u, 1u)]
    [InlineData("/dev/dri/renderD128", 226u, 128u)]
    [InlineData("/dev/dma_heap/system", 251u, 0u)]
    public void Stat_OfANode_IsThatOfItsFd(string path, uint major, uint minor)
    {
        using var test = new TestGuest(Platform.None);
        FileStat stat = test.Guest.Tree.Stat(test.Init, path).Value;
        int fd = test.Guest.Tree.Open(test.Init, path, OpenFlags.ReadWrite | OpenFlags.CloseOnExec).Value;

        Assert.Equal((CharacterDevice, (major << 8) | minor), (stat.Mode, stat.RawDevice));
        Assert.Equal(stat, test.Guest.Files.Fstat(test.Init, fd).Value);
        Assert.Equal(path, Encoding.ASCII.GetString(test.Guest.Files.ReadLink(test.Init, fd).Value));
        Assert.Equal(TreeKind.Node, test.Guest.Tree.Kind(test.Init, path));
    }

    [Theory]
    [Statement("S-GPU-26", "S-HEAP-05")]
    [InlineData("/dev/dri/card0", 0x80u, Errno.EBUSY)]
    [InlineData("/dev/dri/card0", 0xc0u, Errno.EEXIST)]
    [InlineData("/dev/dri/card0", OpenFlags.Directory, Errno.ENOTDIR)]
    [InlineData("/dev/dri/card0", OpenFlags.Direct, Errno.EINVAL)]
    [InlineData("/dev/dri/card2", 0u, Errno.ENOENT)]
    [InlineData("/dev/udmabuf", 0x80u, Errno.None)]
    [InlineData("/dev/udmabuf", OpenFlags.Direct, Errno.EINVAL)]
    public void Open_OfANode_ChecksItsFlags(string path, uint flags, Errno errno)
    {
        using var test = new TestGuest(Platform.None);

        Assert.Equal(errno, test.Guest.Tree.Open(test.Init, path, flags).Failure?.Errno ?? Errno.None);
        test.Init.Uid = 1000;
        Assert.Equal(errno is Errno.None or Errno.EINVAL or Errno.EBUSY ? Errno.EACCES : errno,
            test.Guest.Tree.Open(test.Init, path, flags).Failure!.Errno);
    }

    [Theory]
    [Statement("S-HEAP-57")]
    [InlineData("/dev/dma_heap/system/", OpenFlags.ReadWrite, Errno.ENOTDIR)]
    [InlineData("/dev/dma_heap/system//", OpenFlags.ReadWrite, Errno.ENOTDIR)]
    [InlineData("/dev/dma_heap/system/.", OpenFlags.ReadWrite, Errno.ENOTDIR)]
    [InlineData("/dev/dma_heap/system/x", OpenFlags.ReadWrite, Errno.ENOTDIR)]
    [InlineData("/dev/dma_heap/system/..", 0u, Errno.ENOTDIR)]
    [InlineData("/dev/dma_heap/system/../system", OpenFlags.ReadWrite, Errno.ENOTDIR)]
    [InlineData("/dev/dma_heap/system/", OpenFlags.PathOnly, Errno.ENOTDIR)]
    [InlineData("/dev/dma_heap/system/", OpenFlags.Create | OpenFlags.ReadWrite, Errno.EISDIR)]
    [InlineData("/dev/dma_heap/system/", OpenFlags.Create | OpenFlags.Exclusive, Errno.EISDIR)]
    [InlineData("/dev/dma_heap/system/.", OpenFlags.Create, Errno.ENOTDIR)]
    [InlineData("/dev/dma_heap/nope/", OpenFlags.ReadWrite, Errno.ENOENT)]
    [InlineData("/dev/dma_heap/nope/../system", OpenFlags.ReadWrite, Errno.ENOENT)]
    [InlineData("/dev/dri/nope/../../dma_heap/system", OpenFlags.ReadWrite, Errno.ENOENT)]
    [InlineData("/dev/udmabuf/", OpenFlags.ReadWrite, Errno.ENOTDIR)]
    [InlineData("/dev/dri/card0/", OpenFlags.ReadWrite, Errno.ENOTDIR)]
    [InlineData("/dev/dri/renderD128/.", OpenFlags.ReadWrite, Errno.ENOTDIR)]
    [InlineData("/sys/kernel/debug/sync/sw_sync/", OpenFlags.ReadWrite, Errno.ENOTDIR)]
    [InlineData("/dev/dma_heap/./system", OpenFlags.ReadWrite, Errno.None)]
    [InlineData("/dev//dma_heap//system", OpenFlags.ReadWrite, Errno.None)]
    [InlineData("/dev/dma_heap/../dma_heap/system", OpenFlags.ReadWrite, Errno.None)]
    public void Open_OfAPathThatWantsAFolder_IsEnotdirWhereThereIsAFile(string path, uint flags, Errno errno)
    {
        using var test = new TestGuest(Platform.None);

        Assert.Equal(errno, test.Guest.Tree.Open(test.Init, path, flags).Failure?.Errno ?? Errno.None);
    }

    [Theory]
    [Statement("S-HEAP-57")]
    [InlineData("/dev/dma_heap/system/", Errno.ENOTDIR)]
    [InlineData("/dev/dma_heap/system/x", Errno.ENOTDIR)]
    [InlineData("/sys/kernel/debug/dma_buf/bufinfo/", Errno.ENOTDIR)]
    [InlineData("/sys/class/drm/card0/dev/", Errno.ENOTDIR)]
    [InlineData("/sys/class/drm/card0/", Errno.None)]
    [InlineData("/dev/dma_heap/", Errno.None)]
    [InlineData("/dev/dma_heap/.", Errno.None)]
    [InlineData("/dev/dma_heap/nope/", Errno.ENOENT)]
    public void Look_AtAPathThatWantsAFolder_IsEnotdirWhereThereIsAFile(string path, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        Errno text = errno == Errno.None ? Errno.ENOENT : errno;

        Assert.Equal(errno, test.Guest.Tree.Stat(test.Init, path).Failure?.Errno ?? Errno.None);
        Assert.Equal(errno, test.Guest.Tree.Stat(test.Init, path, follow: false).Failure?.Errno ?? Errno.None);
        Assert.Equal(errno, test.Guest.Tree.Entries(test.Init, path).Failure?.Errno ?? Errno.None);
        Assert.Equal(errno, test.Guest.Tree.CheckOpen(test.Init, path, 0)?.Errno ?? Errno.None);
        Assert.Equal(text, test.Guest.Tree.ReadText(test.Init, path).Failure!.Errno);
        Assert.Equal(errno == Errno.None ? Errno.EINVAL : errno, test.Guest.Tree.ReadLink(test.Init, path).Failure!.Errno);
    }

    [Fact]
    [Statement("S-HEAP-57")]
    public void Look_BehindAnFd_IsEnotdir()
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.Allocate(TestGuest.Private, 4096);
        string path = $"/proc/self/fd/{fd}/";

        Assert.Equal(Errno.ENOTDIR, test.Guest.Tree.Stat(test.Init, path).Failure!.Errno);
        Assert.Equal(Errno.ENOTDIR, test.Guest.Tree.Stat(test.Init, path + "x").Failure!.Errno);
        Assert.Equal(Errno.ENOTDIR, test.Guest.Tree.Open(test.Init, path, OpenFlags.PathOnly).Failure!.Errno);
        Assert.Equal(Errno.ENOTDIR, test.Guest.Tree.Stat(test.Init, $"/proc/self/fdinfo/{fd}/").Failure!.Errno);
        Assert.Equal(Errno.ENOENT, test.Guest.Tree.Stat(test.Init, "/proc/self/fd/99/").Failure!.Errno);
    }

    [Fact]
    [Statement("S-GPU-22")]
    public void Open_WithoutAFreeFd_LeavesTheDeviceWithoutAMaster()
    {
        using var test = new TestGuest(Platform.None);
        test.Init.Fds.Limit = 3;
        Assert.Equal(Errno.EMFILE, test.Guest.Tree.Open(test.Init, "/dev/dri/card0", OpenFlags.ReadWrite).Failure!.Errno);
        test.Init.Fds.Limit = 64;

        int fd = test.Guest.Tree.Open(test.Init, "/dev/dri/card0", OpenFlags.ReadWrite).Value;

        Assert.Null(test.Guest.Files.Ioctl(test.Init, fd, 0x641f, 0, new ArgumentMemory(0, Memory<byte>.Empty)).Failure);
    }

    [Fact]
    [Statement("S-HEAP-01", "S-GPU-26")]
    public void Entries_OfAFolder_TellKindAndInode()
    {
        using var test = new TestGuest(Platform.None);

        TreeEntry[] entries = test.Guest.Tree.Entries(test.Init, "/dev/dri").Value;

        Assert.Equal(["card0", "card1", "renderD128"], entries.Select(e => e.Name));
        Assert.All(entries, e => Assert.Equal((TreeKind.Node, (byte)2), (e.Kind, e.Type)));
        Assert.Equal(test.Guest.Tree.Stat(test.Init, "/dev/dri/card0").Value.Inode, entries[0].Inode);
        Assert.Equal(Errno.ENOTDIR, test.Guest.Tree.Entries(test.Init, "/dev/udmabuf").Failure!.Errno);
        Assert.Equal(["dev", "device", "subsystem", "uevent"], test.Guest.Tree.List(test.Init, "/sys/class/drm/card0").Value);
    }

    [Theory]
    [Statement("S-BUF-111", "S-BUF-113", "S-GPU-26", "S-HEAP-53")]
    [InlineData(KernelVersion.V72, "/sys/class/drm/renderD128/uevent", "MAJOR=226\nMINOR=128\nDEVNAME=dri/renderD128\nDEVTYPE=drm_minor\n")]
    [InlineData(KernelVersion.V72, "/sys/class/drm/card1/dev", "226:1\n")]
    [InlineData(KernelVersion.V72, "/sys/class/dma_heap/system/dev", "251:0\n")]
    [InlineData(KernelVersion.V72, "/sys/class/misc/udmabuf/dev", "10:122\n")]
    [InlineData(KernelVersion.V72, "/sys/module/udmabuf/parameters/list_limit", "1024\n")]
    [InlineData(KernelVersion.V72, "/sys/module/udmabuf/parameters/size_limit_mb", "64\n")]
    [InlineData(KernelVersion.V73, "/sys/module/udmabuf/parameters/size_limit_mb", "2147483647\n")]
    [InlineData(KernelVersion.V72, "/sys/module/dma_heap/parameters/mem_accounting", "N\n")]
    public void ReadText_OfSysfs_IsTheKernels(KernelVersion kernel, string path, string text)
    {
        using var test = new TestGuest(Platform.None, kernel);

        Assert.Equal(text, Encoding.ASCII.GetString(test.Guest.Tree.ReadText(test.Init, path).Value));
        Assert.Equal((TreeKind.File, 4096UL), (test.Guest.Tree.Kind(test.Init, path), test.Guest.Tree.Stat(test.Init, path).Value.Size));
    }

    [Fact]
    [Statement("S-SWI-50", "S-SWI-52")]
    public void Swiotlb_WithAPool_TellsSlots()
    {
        using var test = new TestGuest();
        string Read(string name) => Encoding.ASCII.GetString(test.Guest.Tree.ReadText(test.Init, $"{Swiotlb}/{name}").Value);
        test.AttachAndMap(test.Allocate(TestGuest.Private, 4096));

        Assert.Equal(["32768\n", "2\n", "2\n"], [Read("io_tlb_nslabs"), Read("io_tlb_used"), Read("io_tlb_used_hiwater")]);
        Assert.Equal(["io_tlb_nslabs", "io_tlb_used", "io_tlb_used_hiwater"], test.Guest.Tree.List(test.Init, Swiotlb).Value);
        test.Init.Uid = 1000;
        Assert.Equal(Errno.EACCES, test.Guest.Tree.ReadText(test.Init, $"{Swiotlb}/io_tlb_used").Failure!.Errno);
    }

    [Fact]
    [Statement("S-SWI-50")]
    public void Swiotlb_WithoutAPool_IsAnEmptyFolder()
    {
        using var test = new TestGuest(Platform.None);

        Assert.Empty(test.Guest.Tree.List(test.Init, Swiotlb).Value);
    }

    [Theory]
    [Statement("S-HEAP-01", "S-BUF-101")]
    [InlineData("/dev/dma_heap", true, TreeKind.Folder)]
    [InlineData("/dev", false, TreeKind.None)]
    [InlineData("/dev/dma_heap/none", false, TreeKind.None)]
    [InlineData("/sys/class/drm", true, TreeKind.Folder)]
    [InlineData("/sys/kernel/debug", false, TreeKind.None)]
    [InlineData("/sys/kernel/debug/dma_buf", true, TreeKind.Folder)]
    [InlineData("/sys/kernel/debug/dma_buf/bufinfo", false, TreeKind.File)]
    [InlineData("/sys/kernel/tracing/trace_pipe", false, TreeKind.Stream)]
    [InlineData("/sys/kernel/debug/tracing/trace_pipe", false, TreeKind.Stream)]
    [InlineData("/proc/self/fd/9", false, TreeKind.None)]
    public void Owns_AndKind_SayWhatIsTheGuests(string path, bool owns, TreeKind kind)
    {
        using var test = new TestGuest(Platform.None);

        Assert.Equal((owns, kind), (test.Guest.Tree.Owns(path), test.Guest.Tree.Kind(test.Init, path)));
    }

    [Fact]
    [Statement("S-BUF-02", "S-BUF-105", "S-BUF-104")]
    public void Kind_OfFdsAndStatistics_FollowsWhatIsOpen()
    {
        using var test = new TestGuest(Platform.None, KernelVersion.V612);
        BufferHandle made = test.TryAllocate(TestGuest.Private, 4096).Value;

        Assert.Equal(TreeKind.FdLink, test.Guest.Tree.Kind(test.Init, $"/proc/self/fd/{made.Fd}"));
        Assert.Equal(TreeKind.File, test.Guest.Tree.Kind(test.Init, $"/proc/self/fdinfo/{made.Fd}"));
        Assert.Equal(TreeKind.Folder, test.Guest.Tree.Kind(test.Init, $"/sys/kernel/dmabuf/buffers/{made.Inode}"));
        Assert.Equal(TreeKind.File, test.Guest.Tree.Kind(test.Init, $"/sys/kernel/dmabuf/buffers/{made.Inode}/size"));
    }

    [Fact]
    public void Resolve_OfAnFd_LooksItUpAtEachCall()
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.Allocate(TestGuest.Private, 4096);
        TreePlace place = test.Guest.Tree.Resolve($"/proc/self/fd/{fd}");
        Assert.Equal(TreeKind.FdLink, test.Guest.Tree.Kind(test.Init, place));

        Assert.Null(test.Guest.Files.Close(test.Init, fd));

        Assert.Equal(TreeKind.None, test.Guest.Tree.Kind(test.Init, place));
        Assert.Equal(Errno.ENOENT, test.Guest.Tree.Open(test.Init, place, OpenFlags.PathOnly).Failure!.Errno);
    }

    [Fact]
    public void ReadText_OfAPlaceWhoseBufferWent_IsEnoent()
    {
        using var test = new TestGuest(Platform.None, KernelVersion.V612);
        BufferHandle made = test.TryAllocate(TestGuest.Private, 4096).Value;
        TreePlace place = test.Guest.Tree.Resolve($"/sys/kernel/dmabuf/buffers/{made.Inode}/size");
        Assert.Equal("4096\n"u8.ToArray(), test.Guest.Tree.ReadText(test.Init, place).Value);

        Assert.Null(test.Guest.Files.Close(test.Init, made.Fd));

        Assert.Equal(Errno.ENOENT, test.Guest.Tree.ReadText(test.Init, place).Failure!.Errno);
    }

    [Theory]
    [Statement("S-SWI-50")]
    [InlineData("/dev/dri", 0u, Errno.None)]
    [InlineData("/dev/dri", OpenFlags.ReadWrite, Errno.EISDIR)]
    [InlineData("/sys/class/drm/card0/dev", OpenFlags.Directory, Errno.ENOTDIR)]
    [InlineData("/sys/class/drm/card0/dev", 0u, Errno.None)]
    [InlineData("/sys/class/drm/card0/nothing", 0u, Errno.ENOENT)]
    public void CheckOpen_OfTextsAndFolders_SaysWhatOpenWould(string path, uint flags, Errno errno)
    {
        using var test = new TestGuest(Platform.None);

        Assert.Equal(errno, test.Guest.Tree.CheckOpen(test.Init, path, flags)?.Errno ?? Errno.None);
    }

    [Fact]
    [Statement("S-TRC-80")]
    public void TakeLines_OfTheTrace_GivesEachLineOnce()
    {
        using var test = new TestGuest(Platform.None);
        Assert.Null(test.Guest.Trace.Set("dma_buf", true));
        int told = 0;
        using IDisposable subscription = test.Guest.Trace.Subscribe(() => told++);
        test.Allocate(TestGuest.Private, 4096);

        string lines = test.Guest.Trace.TakeLines(100);

        Assert.Equal(2, told);
        Assert.Equal(2, lines.Count(c => c == '\n'));
        Assert.Contains(": dma_buf_export: ", lines, StringComparison.Ordinal);
        Assert.Empty(test.Guest.Trace.TakeLines(100));
    }

    [Fact]
    [Statement("S-TRC-80")]
    public void TakeLines_AfterLosses_SaysHowMany()
    {
        using var test = new TestGuest(Platform.None);
        Assert.Null(test.Guest.Trace.Set("dma_buf:dma_buf_export", true));
        for (int i = 0; i < GuestTrace.Capacity + 3; i++)
        {
            Assert.Null(test.Guest.Files.Close(test.Init, test.Allocate(TestGuest.Private, 4096)));
        }

        Assert.StartsWith("CPU:0 [LOST 3 EVENTS]\n", test.Guest.Trace.TakeLines(1), StringComparison.Ordinal);
    }
}
