using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Files;

/// <summary>Calls on device nodes, sync files and timelines that reach no driver's data.</summary>
public sealed class NodeCallTests
{
    private const string Udmabuf = "/dev/udmabuf";
    private const string Card = "/dev/dri/card0";
    private const int AddSeals = 1033;
    private const string Timeline = "/sys/kernel/debug/sync/sw_sync";

    [Theory]
    [Statement("S-BUF-113", "S-GPU-26")]
    [InlineData(Udmabuf, FileCall.Read, Errno.EINVAL)]
    [InlineData(Udmabuf, FileCall.Write, Errno.EINVAL)]
    [InlineData(Udmabuf, FileCall.Pread, Errno.EINVAL)]
    [InlineData(Udmabuf, FileCall.Ftruncate, Errno.EINVAL)]
    [InlineData(Udmabuf, FileCall.Fallocate, Errno.ENODEV)]
    [InlineData(Udmabuf, FileCall.EpollAdd, Errno.EPERM)]
    [InlineData(Card, FileCall.Read, Errno.EAGAIN)]
    [InlineData(Card, FileCall.Pread, Errno.EAGAIN)]
    [InlineData(Card, FileCall.Write, Errno.EINVAL)]
    [InlineData(Card, FileCall.Pwrite, Errno.EINVAL)]
    [InlineData(Card, FileCall.SpliceFrom, Errno.EINVAL)]
    [InlineData(Card, FileCall.EpollAdd, Errno.None)]
    [InlineData(Timeline, FileCall.Fallocate, Errno.EOPNOTSUPP)]
    [InlineData(Timeline, FileCall.Read, Errno.EINVAL)]
    public void Call_OnANode_AnswersByItsColumn(string path, FileCall call, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.Guest.Tree.Open(test.Init, path, OpenFlags.ReadWrite).Value;

        Assert.Equal(errno, test.Guest.Files.Call(test.Init, fd, call).Failure?.Errno ?? Errno.None);
    }

    [Theory]
    [Statement("S-BUF-14")]
    [InlineData(Udmabuf)]
    [InlineData(Card)]
    [InlineData("/dev/dri/renderD128")]
    [InlineData("/dev/dma_heap/system")]
    [InlineData(Timeline)]
    public void AddSeals_OnANode_MissesTheRightToWriteBeforeTheSeals(string path)
    {
        using var test = new TestGuest(Platform.None);
        Errno SealsOf(uint flags) => test.Guest.Files.Fcntl(
            test.Init, test.Guest.Tree.Open(test.Init, path, flags).Value, AddSeals, 1, new ArgumentMemory(0, Memory<byte>.Empty))
            .Failure!.Errno;

        Assert.Equal(
            [Errno.EPERM, Errno.EINVAL, Errno.EINVAL, Errno.EBADF],
            [SealsOf(0), SealsOf(1), SealsOf(OpenFlags.ReadWrite), SealsOf(OpenFlags.PathOnly | OpenFlags.ReadWrite)]);
    }

    [Fact]
    [Statement("S-BUF-14")]
    public void AddSeals_OnASyncFile_IsRefusedAsOnAllThatIsReadOnly()
    {
        using var test = new TestGuest(Platform.None);
        int timeline = test.Guest.Fences.CreateTimeline(test.Init, "t").Value;
        int sync = test.Guest.Fences.CreateFence(test.Init, timeline, 1).Value;

        Assert.Equal(
            [Errno.EPERM, Errno.EINVAL],
            [.. new[] { sync, timeline }.Select(fd => test.Guest.Files.Call(test.Init, fd, FileCall.AddSeals).Failure!.Errno)]);
    }

    [Theory]
    [Statement("S-GPU-26")]
    [InlineData(0u, Errno.EAGAIN, true)]
    [InlineData(OpenFlags.NonBlock, Errno.EAGAIN, false)]
    [InlineData(1u, Errno.EBADF, false)]
    public void Read_OfADrmNode_WaitsUnlessToldNotTo(uint flags, Errno errno, bool waits)
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.Guest.Tree.Open(test.Init, Card, flags).Value;

        Assert.Equal(errno, test.Guest.Files.Call(test.Init, fd, FileCall.Read).Failure!.Errno);
        Assert.Equal(waits, test.Guest.Files.Waits(test.Init, fd, FileCall.Read));
    }

    [Theory]
    [Statement("S-GPU-26", "S-BUF-113")]
    [InlineData(Card, 0, Errno.None)]
    [InlineData(Card, 4, Errno.None)]
    [InlineData(Card, 5, Errno.EINVAL)]
    [InlineData(Udmabuf, 0, Errno.ESPIPE)]
    [InlineData(Timeline, 2, Errno.ESPIPE)]
    public void Lseek_OnANode_MovesNothing(string path, int whence, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.Guest.Tree.Open(test.Init, path, OpenFlags.ReadWrite).Value;

        Result<long> result = test.Guest.Files.Lseek(test.Init, fd, 77, whence);

        Assert.Equal((errno, 0L), (result.Failure?.Errno ?? Errno.None, result.Ok ? result.Value : 0));
    }

    [Fact]
    [Statement("S-GPU-26")]
    public void Poll_OfADrmNode_IsNeverReady()
    {
        using var test = new TestGuest(Platform.None);
        int card = test.Guest.Tree.Open(test.Init, Card, OpenFlags.ReadWrite).Value;
        int udmabuf = test.Guest.Tree.Open(test.Init, Udmabuf, OpenFlags.ReadWrite).Value;
        PollEvents wanted = PollEvents.In | PollEvents.Out;

        PollEvents[] events = [.. test.Guest.Fences.Poll(
            test.Init, [new PollEntry(card, wanted), new PollEntry(udmabuf, wanted)], TimeSpan.Zero).Value.Events];

        Assert.Equal([PollEvents.None, wanted], events);
    }

    [Fact]
    public void PseudoFile_EveryCall_HasAnAnswer() =>
        Assert.Equal(Enum.GetValues<FileCall>(), FileCalls.PseudoFile.All.Order());

    [Theory]
    [Statement("S-HEAP-56")]
    [InlineData(0x5452u, 0, Errno.None)]
    [InlineData(0x5452u, 1, Errno.ENOTTY)]
    [InlineData(0x5421u, 1, Errno.None)]
    [InlineData(0x5460u, 1, Errno.ENOTTY)]
    [InlineData(2u, 1, Errno.None)]
    [InlineData(0xc0045877u, 1, Errno.EOPNOTSUPP)]
    [InlineData(0xc020660bu, 1, Errno.EOPNOTSUPP)]
    public void Ioctl_OfTheVfs_IsServedForEveryKind(uint command, int value, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        foreach (string path in new[] { Card, Udmabuf, Timeline, "/dev/dma_heap/system" })
        {
            int fd = test.Guest.Tree.Open(test.Init, path, OpenFlags.ReadWrite).Value;
            var memory = new ArgumentMemory(0x1000, BitConverter.GetBytes(value));

            Assert.Equal(errno, test.Guest.Files.Ioctl(test.Init, fd, command, 0x1000, memory).Failure?.Errno ?? Errno.None);
        }
    }

    [Fact]
    [Statement("S-BUF-112")]
    public void Ioctl_OfUdmabuf_ReturnsTheFd()
    {
        using var test = new TestGuest(Platform.None);
        int memfd = test.Guest.Memfds.Create(test.Init, allowSealing: true).Value;
        Assert.Null(test.Guest.Memfds.Truncate(test.Init, memfd, 8192));
        Assert.Null(test.Guest.Memfds.AddSeals(test.Init, memfd, FileSeals.Shrink));
        int node = test.Guest.Tree.Open(test.Init, Udmabuf, OpenFlags.ReadWrite).Value;
        byte[] bytes = new byte[24];
        BitConverter.TryWriteBytes(bytes, memfd);
        BitConverter.TryWriteBytes(bytes.AsSpan(16), 8192L);

        Result<IoctlOutcome> made = test.Guest.Files.Ioctl(test.Init, node, 0x40187542, 0x1000, new ArgumentMemory(0x1000, bytes));

        Assert.Equal(8192, test.Guest.Files.Lseek(test.Init, (int)made.Value.Value, 0, 2).Value);
        Assert.Equal(
            Errno.ENOTTY,
            test.Guest.Files.Ioctl(test.Init, node, 0x40187541, 0x1000, new ArgumentMemory(0x1000, bytes)).Failure!.Errno);
    }
}
