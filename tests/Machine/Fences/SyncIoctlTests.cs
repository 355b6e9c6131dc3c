using System.Buffers.Binary;
using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Fences;

/// <summary>Raw ioctls of sync files and software timelines.</summary>
public sealed class SyncIoctlTests
{
    private const uint Merge = 0xc0303e03;
    private const uint FileInfo = 0xc0383e04;
    private const uint SetDeadline = 0x40103e05;
    private const uint CreateFence = 0xc0285700;
    private const uint Increment = 0x40045701;
    private const uint GetDeadline = 0xc0105702;
    private const ulong Base = 0x20000;
    private const int NameBytes = 32;

    [Fact]
    [Statement("S-BUF-79")]
    public void FileInfo_FirstPass_TellsNumberAndStatusOnly()
    {
        using var test = new FenceGuest();
        int file = test.NewFence();
        byte[] bytes = new byte[256];

        Assert.Equal(Errno.None, Run(test, file, FileInfo, bytes));

        Assert.Equal((0u, 1u), (Word(bytes, 32), Word(bytes, 40)));
        Assert.StartsWith("sw_sync-heapprobe", Text(bytes, 0), StringComparison.Ordinal);
        Assert.Equal(-1, bytes.AsSpan(56).IndexOfAnyExcept((byte)0));
    }

    [Theory]
    [Statement("S-BUF-79")]
    [InlineData(KernelVersion.V612, "heapprobe", "sw_sync")]
    [InlineData(KernelVersion.V72, "signaled-timeline", "detached-driver")]
    public void FileInfo_SecondPass_FillsTheList(KernelVersion kernel, string timeline, string driver)
    {
        using var test = new FenceGuest(kernel);
        int file = test.NewFence();
        test.Signal();
        byte[] bytes = new byte[256];
        SetWord(bytes, 40, 2);
        SetLong(bytes, 48, Base + 56);

        Assert.Equal(Errno.None, Run(test, file, FileInfo, bytes));

        Assert.Equal((1u, 1u), (Word(bytes, 32), Word(bytes, 40)));
        Assert.Equal((timeline, driver, 1u), (Text(bytes, 56), Text(bytes, 56 + NameBytes), Word(bytes, 56 + 64)));
    }

    [Theory]
    [Statement("S-BUF-79")]
    [InlineData(36, 1u, Base + 56, Errno.EINVAL)]
    [InlineData(44, 1u, Base + 56, Errno.EINVAL)]
    [InlineData(40, 1u, Base + 56, Errno.EINVAL)]
    [InlineData(40, 2u, 0ul, Errno.EFAULT)]
    [InlineData(40, 2u, Base + 56, Errno.None)]
    public void FileInfo_Arguments_AreChecked(int at, uint value, ulong list, Errno errno)
    {
        using var test = new FenceGuest();
        int other = test.Room.CreateTimeline(test.Init, "other").Value;
        int file = test.Room.Merge(test.Init, test.NewFence(), test.Room.CreateFence(test.Init, other, 1).Value).Value;
        byte[] bytes = new byte[256];
        SetWord(bytes, at, value);
        SetLong(bytes, 48, list);

        Assert.Equal(errno, Run(test, file, FileInfo, bytes));
    }

    [Fact]
    [Statement("S-BUF-78")]
    public void Merge_Named_KeepsTheNameCutToItsField()
    {
        using var test = new FenceGuest();
        int first = test.NewFence();
        byte[] bytes = new byte[48];
        bytes.AsSpan(0, NameBytes).Fill((byte)'n');
        SetWord(bytes, 32, (uint)test.NewFence());

        Assert.Equal(Errno.None, Run(test, first, Merge, bytes));

        int merged = (int)Word(bytes, 36);
        Assert.Equal(1, test.Guest.Files.Fcntl(test.Init, merged, 1, 0, new ArgumentMemory(0, Memory<byte>.Empty)).Value);
        byte[] info = new byte[56];
        Assert.Equal(Errno.None, Run(test, merged, FileInfo, info));
        Assert.Equal(new string('n', NameBytes - 1), Text(info, 0));
    }

    [Theory]
    [Statement("S-BUF-78")]
    [InlineData(40, 1u, Errno.EINVAL)]
    [InlineData(44, 1u, Errno.EINVAL)]
    [InlineData(32, 999u, Errno.ENOENT)]
    [InlineData(32, 3u, Errno.ENOENT)]
    public void Merge_Refused_LeavesNoFd(int at, uint value, Errno errno)
    {
        using var test = new FenceGuest();
        int first = test.NewFence();
        int fds = test.Test.Snapshot().Objects.Fds;
        byte[] bytes = new byte[48];
        SetWord(bytes, 32, (uint)first);
        SetWord(bytes, at, value);

        Assert.Equal(errno, Run(test, first, Merge, bytes));

        Assert.Equal(fds, test.Test.Snapshot().Objects.Fds);
    }

    [Fact]
    [Statement("S-BUF-78")]
    public void Merge_CopyBackFaults_LeavesNoFd()
    {
        using var test = new FenceGuest();
        int first = test.NewFence();
        int fds = test.Test.Snapshot().Objects.Fds;
        byte[] bytes = new byte[48];
        SetWord(bytes, 32, (uint)first);

        Assert.Equal(Errno.EFAULT, Run(test, first, Merge, bytes, writable: false));

        Assert.Equal(fds, test.Test.Snapshot().Objects.Fds);
    }

    [Fact]
    [Statement("S-BUF-78", "S-BUF-86")]
    public void NewFd_TableFull_IsToldBeforeTheFault()
    {
        using var test = new FenceGuest();
        int first = test.NewFence();
        test.Init.Fds.Limit = first + 1;

        Assert.Equal(Errno.EMFILE, Run(test, first, Merge, []));
        Assert.Equal(Errno.EMFILE, Run(test, test.Timeline, CreateFence, []));
        Assert.Equal(Errno.EFAULT, Run(test, first, FileInfo, []));
    }

    [Fact]
    [Statement("S-BUF-85", "S-BUF-86")]
    public void Deadline_SetTwice_TheEarliestIsTold()
    {
        using var test = new FenceGuest();
        int file = test.NewFence();
        byte[] get = new byte[16];
        SetWord(get, 12, (uint)file);
        Assert.Equal(Errno.ENOENT, Run(test, test.Timeline, GetDeadline, get));
        foreach (ulong deadline in new[] { 500ul, 300ul, 400ul })
        {
            byte[] set = new byte[16];
            SetLong(set, 0, deadline);
            Assert.Equal(Errno.None, Run(test, file, SetDeadline, set));
        }

        Assert.Equal(Errno.None, Run(test, test.Timeline, GetDeadline, get));

        Assert.Equal(300ul, BinaryPrimitives.ReadUInt64LittleEndian(get));
        Assert.Equal(Errno.EINVAL, Run(test, test.Timeline, GetDeadline, get));
        byte[] padded = new byte[16];
        SetLong(padded, 8, 1);
        Assert.Equal(Errno.EINVAL, Run(test, file, SetDeadline, padded));
    }

    [Fact]
    [Statement("S-BUF-86", "S-BUF-87")]
    public void Timeline_CreateAndIncrement_SignalTheFence()
    {
        using var test = new FenceGuest();
        byte[] create = new byte[40];
        SetWord(create, 0, 2);
        Assert.Equal(Errno.None, Run(test, test.Timeline, CreateFence, create));
        int file = (int)Word(create, 36);
        Assert.Equal(0, test.Info(file).Status);

        Assert.Equal(Errno.None, Run(test, test.Timeline, Increment, [2, 0, 0, 0]));

        Assert.Equal(1, test.Info(file).Status);
        Assert.Equal(Errno.ENOTTY, Run(test, test.Timeline, Merge, new byte[48]));
        Assert.Equal(Errno.ENOTTY, Run(test, file, Increment, new byte[4]));
    }

    private static Errno Run(FenceGuest test, int fd, uint command, byte[] bytes, bool writable = true) =>
        test.Guest.Files.Ioctl(test.Init, fd, command, Base, new ArgumentMemory(Base, bytes, writable)).Failure?.Errno ?? Errno.None;

    private static string Text(byte[] bytes, int at) => Encoding.ASCII.GetString(bytes, at, NameBytes).TrimEnd('\0');

    private static uint Word(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static void SetWord(byte[] bytes, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);

    private static void SetLong(byte[] bytes, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), value);
}
