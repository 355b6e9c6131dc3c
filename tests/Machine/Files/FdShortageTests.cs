using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;
using CocoGuest.Tests.Machine.Properties;

namespace CocoGuest.Tests.Machine.Files;

/// <summary>
/// Every call that makes an fd, in a process whose table is full: which of its other checks come before the number is taken, and that
/// nothing is left (S-BUF-88).
/// </summary>
public sealed class FdShortageTests
{
    private const int Heap = 3;
    private const int Card = 4;
    private const int Udmabuf = 5;
    private const int Timeline = 6;
    private const int Sync = 7;
    private const int Buffer = 8;
    private const int Memfd = 9;
    private const uint Alloc = 0xc0184800;
    private const uint HandleToFd = 0xc00c642d;
    private const uint ExportSyncFile = 0xc0086202;
    private const uint Merge = 0xc0303e03;
    private const uint CreateFence = 0xc0285700;
    private const uint CreateUdmabuf = 0x40187542;
    private const uint Dumb = 1;
    private const ulong Base = 0x10000;
    private const string Node = "/dev/dma_heap/system";

    // Raw commands: the fd, the command, its argument in words; null: an argument that cannot be read.
    private static readonly (string Name, int Fd, uint Command, uint[]? Argument, Errno Errno)[] Rows =
    [
        ("alloc", Heap, Alloc, [8192, 0, 0, 2, 0, 0], Errno.EMFILE),
        ("alloc of nothing", Heap, Alloc, [0, 0, 0, 2, 0, 0], Errno.EINVAL),
        ("alloc by a bad pointer", Heap, Alloc, null, Errno.EFAULT),
        ("udmabuf", Udmabuf, CreateUdmabuf, [Memfd, 0, 0, 0, 4096, 0], Errno.EMFILE),
        ("udmabuf of a node", Udmabuf, CreateUdmabuf, [Card, 0, 0, 0, 4096, 0], Errno.EBADFD),
        ("udmabuf of nothing", Udmabuf, CreateUdmabuf, [Memfd, 0, 0, 0, 0, 0], Errno.EINVAL),
        ("prime export", Card, HandleToFd, [Dumb, 0x80002, 0], Errno.EMFILE),
        ("prime export of no object", Card, HandleToFd, [Dumb + 7, 0x80002, 0], Errno.EMFILE),
        ("prime export with wrong flags", Card, HandleToFd, [Dumb, 1, 0], Errno.EINVAL),
        ("export sync file", Buffer, ExportSyncFile, [3, 0], Errno.EMFILE),
        ("export sync file with wrong flags", Buffer, ExportSyncFile, [4, 0], Errno.EINVAL),
        ("export sync file by a bad pointer", Buffer, ExportSyncFile, null, Errno.EFAULT),
        ("merge", Sync, Merge, [0, 0, 0, 0, 0, 0, 0, 0, Sync, 0, 0, 0], Errno.EMFILE),
        ("merge with a node", Sync, Merge, [0, 0, 0, 0, 0, 0, 0, 0, Card, 0, 0, 0], Errno.EMFILE),
        ("merge with wrong flags", Sync, Merge, [0, 0, 0, 0, 0, 0, 0, 0, Sync, 0, 1, 0], Errno.EMFILE),
        ("merge by a bad pointer", Sync, Merge, null, Errno.EMFILE),
        ("create fence", Timeline, CreateFence, [9, 0, 0, 0, 0, 0, 0, 0, 0, 0], Errno.EMFILE),
        ("create fence by a bad pointer", Timeline, CreateFence, null, Errno.EMFILE),
    ];

    public static TheoryData<string> Names { get; } = [.. Rows.Select(r => r.Name)];

    [Theory]
    [Statement("S-BUF-88")]
    [MemberData(nameof(Names))]
    public void Ioctl_InAFullTable_TakesTheNumberWhenTheKernelDoes(string name)
    {
        (_, int fd, uint command, uint[]? argument, Errno errno) = Rows.Single(r => r.Name == name);
        foreach (KernelVersion kernel in new[] { KernelVersion.V612, KernelVersion.V72, KernelVersion.V73 })
        {
            using TestGuest test = Full(kernel);
            IReadOnlyList<string> before = StateDump.Of(test.Guest);

            Assert.Equal(errno, Run(test, fd, command, argument));

            Assert.Equal(before, StateDump.Of(test.Guest));
        }
    }

    [Theory]
    [Statement("S-BUF-88")]
    [InlineData("prime export of no object", Errno.ENOENT)]
    [InlineData("merge with a node", Errno.ENOENT)]
    [InlineData("merge with wrong flags", Errno.EINVAL)]
    [InlineData("merge by a bad pointer", Errno.EFAULT)]
    [InlineData("create fence by a bad pointer", Errno.EFAULT)]
    [InlineData("prime export", Errno.None)]
    public void Ioctl_WithRoomForOne_SaysWhatIsWrongWithTheRest(string name, Errno errno)
    {
        using TestGuest test = Full(KernelVersion.V72);
        test.Init.Fds.Limit++;
        (_, int fd, uint command, uint[]? argument, _) = Rows.Single(r => r.Name == name);

        Assert.Equal(errno, Run(test, fd, command, argument));
    }

    // open takes the number before it looks at the path.
    [Theory]
    [Statement("S-BUF-88")]
    [InlineData(Node, OpenFlags.ReadWrite)]
    [InlineData(Node, OpenFlags.Directory)]
    [InlineData(Node, OpenFlags.PathOnly)]
    [InlineData("/dev/dma_heap/nope", OpenFlags.ReadWrite)]
    [InlineData("/dev/dma_heap/system/", OpenFlags.ReadWrite)]
    [InlineData("/dev/dri/card0", OpenFlags.Exclusive)]
    [InlineData("/dev/dri/card1", OpenFlags.ReadWrite)]
    [InlineData("/sys/kernel/debug/sync/sw_sync", OpenFlags.ReadWrite)]
    [InlineData("/proc/self/fd/8", OpenFlags.ReadWrite)]
    public void Open_InAFullTable_IsEmfileWhateverThePath(string path, uint flags)
    {
        using TestGuest test = Full(KernelVersion.V72);
        IReadOnlyList<string> before = StateDump.Of(test.Guest);

        Assert.Equal(Errno.EMFILE, test.Guest.Tree.Open(test.Init, path, flags).Failure!.Errno);

        Assert.Equal(before, StateDump.Of(test.Guest));
    }

    [Fact]
    [Statement("S-BUF-88")]
    public void CallsWithoutStructures_InAFullTable_AnswerLikeTheirIoctls()
    {
        using TestGuest test = Full(KernelVersion.V72);
        IReadOnlyList<string> before = StateDump.Of(test.Guest);

        Assert.Equal(Errno.EMFILE, test.Guest.Drm.HandleToFd(test.Init, Card, Dumb + 7, 2).Failure!.Errno);
        Assert.Equal(Errno.EMFILE, test.Guest.Fences.Merge(test.Init, Sync, Card).Failure!.Errno);
        Assert.Equal(Errno.EMFILE, test.Guest.Drm.Open(test.Init, "amdgpu").Failure!.Errno);
        Assert.Equal(Errno.EMFILE, test.Guest.Memfds.Create(test.Init, allowSealing: true).Failure!.Errno);
        Assert.Equal(Errno.EMFILE, test.Guest.Files.Dup(test.Init, Buffer).Failure!.Errno);
        Assert.Equal(Errno.EBADF, test.Guest.Files.Dup(test.Init, 900).Failure!.Errno);

        Assert.Equal(before, StateDump.Of(test.Guest));
    }

    // The fds of the constants, a dumb buffer that nobody exported, and no free number.
    private static TestGuest Full(KernelVersion kernel)
    {
        var test = new TestGuest(Platform.None, kernel);
        Assert.Equal(Heap, test.Guest.Tree.Open(test.Init, Node, OpenFlags.ReadWrite).Value);
        Assert.Equal(Card, test.Guest.Drm.Open(test.Init, "vgem").Value);
        Assert.Equal(Udmabuf, test.Guest.Udmabufs.Open(test.Init).Value);
        Assert.Equal(Timeline, test.Guest.Fences.CreateTimeline(test.Init, "t").Value);
        Assert.Equal(Sync, test.Guest.Fences.CreateFence(test.Init, Timeline, 5).Value);
        Assert.Equal(Buffer, test.Allocate(TestGuest.Private, 8192));
        Assert.Equal(Memfd, test.Guest.Memfds.Create(test.Init, allowSealing: true).Value);
        Assert.Null(test.Guest.Memfds.Truncate(test.Init, Memfd, 8192));
        Assert.Equal(2, test.Guest.Memfds.Write(test.Init, Memfd, 0, [1, 2]).Value);
        Assert.Null(test.Guest.Memfds.AddSeals(test.Init, Memfd, FileSeals.Shrink));
        Assert.Equal(Dumb, test.Guest.Drm.CreateDumb(test.Init, Card, 64, 64, 32).Value.Handle);
        test.Init.Fds.Limit = Memfd + 1;
        return test;
    }

    private static Errno Run(TestGuest test, int fd, uint command, uint[]? words)
    {
        byte[] bytes = new byte[(words?.Length ?? 0) * sizeof(uint)];
        for (int i = 0; i < words?.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)), words[i]);
        }

        return test.Guest.Files.Ioctl(test.Init, fd, command, Base, new ArgumentMemory(Base, bytes)).Failure?.Errno ?? Errno.None;
    }
}
