using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Files;

public sealed class RawIoctlTests
{
    private const uint Alloc = 0xc0184800;
    private const uint Sync = 0x40086200;
    private const uint SetName = 0x40086201;
    private const uint Both = 3;
    private const int FdAt = 8;
    private const int FdFlagsAt = 12;
    private const int HeapFlagsAt = 16;
    private const byte Garbage = 0xa5;

    [Fact]
    [Statement("S-HEAP-10", "S-HEAP-11", "S-HEAP-24", "S-HEAP-28", "S-HEAP-29")]
    public void Alloc_WholeStruct_ReportsTheFd()
    {
        using var test = new TestGuest();
        byte[] bytes = Struct(4097, fdFlags: 0x80002);

        Assert.Null(Run(test, Alloc, bytes));

        int fd = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(FdAt));
        Assert.Equal(8192, test.Guest.Files.Lseek(test.Init, fd, 0, 2).Value);
        Assert.Equal(1, test.Guest.Files.Fcntl(test.Init, fd, 1, 0, new ArgumentMemory(0, Memory<byte>.Empty)).Value);
    }

    [Theory]
    [Statement("S-VEC-01")]
    [InlineData(3u, 'H', 0u, 24u, 0xc0184800u)]
    [InlineData(3u, 'H', 0u, 16u, 0xc0104800u)]
    [InlineData(3u, 'H', 0u, 48u, 0xc0304800u)]
    [InlineData(3u, 'H', 0u, 8u, 0xc0084800u)]
    [InlineData(1u, 'H', 0u, 24u, 0x40184800u)]
    [InlineData(2u, 'H', 0u, 24u, 0x80184800u)]
    [InlineData(3u, 'H', 1u, 24u, 0xc0184801u)]
    [InlineData(3u, 'X', 0u, 24u, 0xc0185800u)]
    public void Command_OfItsParts_HasTheKernelsValue(uint direction, char type, uint number, uint size, uint value) =>
        Assert.Equal(value, IoctlCommand.Of(direction, type, number, size).Value);

    [Theory]
    [Statement("S-VEC-02")]
    [InlineData(0x40086200u, true)]
    [InlineData(0x40046201u, true)]
    [InlineData(0x40086201u, true)]
    [InlineData(0xc0086202u, true)]
    [InlineData(0x40086203u, true)]
    [InlineData(0x40046200u, false)]
    [InlineData(0xc0086203u, false)]
    public void Command_OfADmaBuf_IsKnownByItsWholeValue(uint command, bool known)
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, 4096);

        Result<IoctlOutcome> result = test.Guest.Files.Ioctl(test.Init, fd, command, 0, new ArgumentMemory(0x1000, new byte[64]));
        Errno errno = result.Failure?.Errno ?? Errno.None;

        Assert.Equal(known, errno != Errno.ENOTTY);
    }

    [Theory]
    [Statement("S-HEAP-20", "S-HEAP-21", "S-HEAP-22", "S-HEAP-26")]
    [InlineData(3u, 'H', 0u, 24u, Errno.None, true)]
    [InlineData(3u, 'X', 0u, 24u, Errno.None, true)]
    [InlineData(3u, 'H', 0u, 16u, Errno.None, true)]
    [InlineData(3u, 'H', 0u, 48u, Errno.None, true)]
    [InlineData(3u, 'H', 0u, 9u, Errno.None, true)]
    [InlineData(3u, 'H', 0u, 8u, Errno.None, false)]
    [InlineData(3u, 'H', 0u, 4u, Errno.None, false)]
    [InlineData(3u, 'H', 0u, 0u, Errno.EINVAL, false)]
    [InlineData(2u, 'H', 0u, 24u, Errno.EINVAL, false)]
    [InlineData(1u, 'H', 0u, 24u, Errno.None, false)]
    [InlineData(3u, 'H', 1u, 24u, Errno.EINVAL, false)]
    [InlineData(3u, 'H', 255u, 24u, Errno.EINVAL, false)]
    public void Alloc_AnyEncoding_CopiesWhatSizeAndDirectionSay(
        uint direction, char type, uint number, uint size, Errno errno, bool reported)
    {
        using var test = new TestGuest();
        byte[] bytes = Struct(4096, tail: 64);

        Failure? failure = Run(test, IoctlCommand.Of(direction, type, number, size).Value, bytes);

        Assert.Equal(errno, failure?.Errno ?? Errno.None);
        Assert.Equal(reported, bytes[FdAt] != 0);
        Assert.Equal(-1, bytes.AsSpan(24).IndexOfAnyExcept(Garbage));
        Assert.Equal(errno == Errno.None ? 1 : 0, test.Snapshot().Objects.Buffers);
    }

    [Theory]
    [Statement("S-HEAP-12", "S-HEAP-13", "S-HEAP-23", "S-HEAP-27")]
    [InlineData(5, 0x102u, 4ul, 0ul, "fd")]
    [InlineData(0, 0x102u, 4ul, 0ul, "fd_flags")]
    [InlineData(0, 2u, 4ul, 0ul, "heap_flags")]
    [InlineData(0, 2u, 0ul, 0ul, "len")]
    [InlineData(0, 2u, 0ul, ulong.MaxValue - 4094, "len")]
    public void Alloc_SeveralFaults_TheFirstStepTells(int fd, uint fdFlags, ulong heapFlags, ulong length, string field)
    {
        using var test = new TestGuest();
        byte[] bytes = Struct(length, fdFlags, heapFlags, fd);
        byte[] before = [.. bytes];

        Failure failure = Run(test, Alloc, bytes)!;

        Assert.Equal((Errno.EINVAL, field), (failure.Errno, failure.Field));
        Assert.Equal(before, bytes);
    }

    [Theory]
    [Statement("S-HEAP-26")]
    [InlineData(12u, Errno.None)]
    [InlineData(20u, Errno.EINVAL)]
    public void Alloc_HeapFlagsBehindTheSize_AreNotSeen(uint size, Errno errno)
    {
        using var test = new TestGuest();

        Assert.Equal(errno, Run(test, IoctlCommand.Of(Both, 'H', 0, size).Value, Struct(4096, heapFlags: 0xff))?.Errno ?? Errno.None);
    }

    [Theory]
    [Statement("S-HEAP-32", "S-HEAP-52", "S-REC-20")]
    [InlineData(false, 0, 0)]
    [InlineData(true, 1, 1)]
    public void Alloc_ReadOnlyArgument_LeaksOnlyInOlderCode(bool old, int fds, int buffers)
    {
        using var test = new TestGuest(shape: s => s with { OldHeapCopyBack = old });
        int node = Node(test);
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, Struct(4096), writable: false);
        int before = test.Snapshot().Objects.Fds;

        Failure failure = test.Guest.Files.Ioctl(test.Init, node, Alloc, memory.Address, memory).Failure!;

        Assert.Equal((Errno.EFAULT, before + fds, buffers), (failure.Errno, test.Snapshot().Objects.Fds, test.Snapshot().Objects.Buffers));
    }

    [Fact]
    [Statement("S-HEAP-32")]
    public void Alloc_OlderCodeThatFails_CopyFaultOverridesTheErrno()
    {
        using var test = new TestGuest(shape: s => s with { OldHeapCopyBack = true });
        int node = Node(test);
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, Struct(0), writable: false);

        Assert.Equal(Errno.EFAULT, test.Guest.Files.Ioctl(test.Init, node, Alloc, memory.Address, memory).Failure!.Errno);
    }

    [Fact]
    [Statement("S-HEAP-22")]
    public void Alloc_StructThatStraddlesTheEndOfMemory_Faults()
    {
        using var test = new TestGuest();
        int node = Node(test);
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, Struct(4096).AsMemory(0, 8));

        Assert.Equal(Errno.EFAULT, test.Guest.Files.Ioctl(test.Init, node, Alloc, memory.Address, memory).Failure!.Errno);
        Assert.Equal(0, test.Snapshot().Objects.Buffers);
    }

    [Fact]
    [Statement("S-HEAP-20")]
    public void SyncCommand_OnAHeap_AllocatesAndLeaksAReadOnlyFd()
    {
        using var test = new TestGuest();

        Assert.Null(Run(test, Sync, [3, 0, 0, 0, 0, 0, 0, 0]));

        Assert.Equal(1, test.Snapshot().Objects.Buffers);
    }

    [Theory]
    [Statement("S-HEAP-20", "S-BUF-76")]
    [InlineData(0x541bu, Errno.EINVAL, Errno.ENOTTY)]
    [InlineData(0x5401u, Errno.EINVAL, Errno.ENOTTY)]
    [InlineData(0x5451u, Errno.None, Errno.None)]
    [InlineData(0x5450u, Errno.None, Errno.None)]
    [InlineData(0x5421u, Errno.None, Errno.None)]
    [InlineData(0x5452u, Errno.None, Errno.None)]
    public void GenericCommands_OnBothKinds_AreServedByTheVfsOrNot(uint command, Errno heap, Errno buffer)
    {
        using var test = new TestGuest();
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, new byte[4]);

        Assert.Equal(heap, test.Guest.Files.Ioctl(test.Init, Node(test), command, memory.Address, memory).Failure?.Errno ?? Errno.None);
        Assert.Equal(
            buffer,
            test.Guest.Files.Ioctl(test.Init, test.Allocate(TestGuest.Private, 4096), command, memory.Address, memory).Failure?.Errno
                ?? Errno.None);
    }

    [Theory]
    [Statement("S-BUF-60", "S-BUF-61", "S-BUF-62", "S-BUF-64", "S-BUF-70", "S-BUF-72", "S-BUF-73", "S-BUF-76")]
    [InlineData(0x40086200u, 3ul, Errno.None)]
    [InlineData(0x40086200u, 7ul, Errno.None)]
    [InlineData(0x40086200u, 4ul, Errno.EINVAL)]
    [InlineData(0x40086200u, 0xbul, Errno.EINVAL)]
    [InlineData(0x40046200u, 3ul, Errno.ENOTTY)]
    [InlineData(0x80086200u, 3ul, Errno.ENOTTY)]
    [InlineData(0x40106201u, 3ul, Errno.ENOTTY)]
    [InlineData(0xc0086202u, 3ul, Errno.None)]
    [InlineData(0xc0086202u, 0ul, Errno.EINVAL)]
    [InlineData(0x40086202u, 3ul, Errno.ENOTTY)]
    [InlineData(0x40086203u, 3ul, Errno.EINVAL)]
    [InlineData(0x40086204u, 3ul, Errno.ENOTTY)]
    [InlineData(Alloc, 3ul, Errno.ENOTTY)]
    public void Ioctl_OnADmaBuf_ComparesTheWholeCommand(uint command, ulong argument, Errno errno)
    {
        using var test = new TestGuest();
        int fd = test.TryAllocate(TestGuest.Private, 4096, 0).Value.Fd;
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, BitConverter.GetBytes(argument));

        Assert.Equal(errno, test.Guest.Files.Ioctl(test.Init, fd, command, memory.Address, memory).Failure?.Errno ?? Errno.None);
        Assert.Equal(Errno.EFAULT, command == Sync ? test.Guest.Files.Ioctl(test.Init, fd, Sync, 0, memory).Failure!.Errno : Errno.EFAULT);
    }

    [Theory]
    [Statement("S-BUF-71")]
    [InlineData(31, true, Errno.None)]
    [InlineData(0, true, Errno.None)]
    [InlineData(32, true, Errno.EINVAL)]
    [InlineData(31, false, Errno.EFAULT)]
    [InlineData(32, false, Errno.EINVAL)]
    public void SetName_ByPointer_ReadsUpToItsEndOr32Bytes(int length, bool terminated, Errno errno)
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        byte[] bytes = new byte[length + (terminated ? 1 : 0)];
        bytes.AsSpan(0, length).Fill(0xff);
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, bytes);

        Assert.Equal(errno, test.Guest.Files.Ioctl(test.Init, fd, SetName, memory.Address, memory).Failure?.Errno ?? Errno.None);
        Assert.Equal(7 + 1 + (errno == Errno.None ? length : 0), test.Guest.Files.ReadLink(test.Init, fd).Value.Length);
    }

    [Fact]
    [Statement("S-BUF-74")]
    public void ExportSyncFile_ReadOnlyArgument_LeavesNoFd()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, BitConverter.GetBytes(3UL), writable: false);
        int before = test.Snapshot().Objects.Fds;

        Assert.Equal(Errno.EFAULT, test.Guest.Files.Ioctl(test.Init, fd, 0xc0086202, memory.Address, memory).Failure!.Errno);
        Assert.Equal(before, test.Snapshot().Objects.Fds);
    }

    private static int Node(TestGuest test) => test.Guest.Tree.Open(test.Init, "/dev/dma_heap/system", 0).Value;

    private static Failure? Run(TestGuest test, uint command, byte[] bytes)
    {
        int node = Node(test);
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, bytes);
        Failure? failure = test.Guest.Files.Ioctl(test.Init, node, command, memory.Address, memory).Failure;
        Assert.Null(test.Guest.Files.Close(test.Init, node));
        return failure;
    }

    private static byte[] Struct(ulong length, uint fdFlags = 2, ulong heapFlags = 0, int fd = 0, int tail = 0)
    {
        byte[] bytes = new byte[24 + tail];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(FdAt), fd);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(FdFlagsAt), fdFlags);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(HeapFlagsAt), heapFlags);
        bytes.AsSpan(24).Fill(Garbage);
        return bytes;
    }
}
