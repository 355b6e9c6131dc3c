using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Files;

public sealed class FileCallTests
{
    private const int GetFd = 1;
    private const int SetFd = 2;
    private const int GetFlags = 3;
    private const int SetFlags = 4;
    private const int DupFd = 0;
    private const ulong Size = 12288;
    private static readonly ArgumentMemory Nothing = new(0, Memory<byte>.Empty);

    [Theory]
    [Statement("S-BUF-14")]
    [InlineData(FileCall.Read, 0u, Errno.EINVAL)]
    [InlineData(FileCall.Read, 1u, Errno.EBADF)]
    [InlineData(FileCall.Readv, 1u, Errno.EBADF)]
    [InlineData(FileCall.Write, 0u, Errno.EBADF)]
    [InlineData(FileCall.Writev, 2u, Errno.EINVAL)]
    [InlineData(FileCall.Pread, 1u, Errno.ESPIPE)]
    [InlineData(FileCall.Pwrite, 0u, Errno.ESPIPE)]
    [InlineData(FileCall.Ftruncate, 2u, Errno.EINVAL)]
    [InlineData(FileCall.Fsync, 2u, Errno.EINVAL)]
    [InlineData(FileCall.Fdatasync, 2u, Errno.EINVAL)]
    [InlineData(FileCall.Fallocate, 2u, Errno.ENODEV)]
    [InlineData(FileCall.SpliceFrom, 1u, Errno.EBADF)]
    [InlineData(FileCall.SendfileFrom, 2u, Errno.EINVAL)]
    [InlineData(FileCall.CopyFileRangeFrom, 1u, Errno.EINVAL)]
    [InlineData(FileCall.AddSeals, 0u, Errno.EPERM)]
    [InlineData(FileCall.AddSeals, 1u, Errno.EINVAL)]
    [InlineData(FileCall.AddSeals, 2u, Errno.EINVAL)]
    [InlineData(FileCall.GetSeals, 0u, Errno.EINVAL)]
    [InlineData(FileCall.GetSeals, 2u, Errno.EINVAL)]
    [InlineData(FileCall.SetLease, 2u, Errno.EINVAL)]
    [InlineData(FileCall.Flock, 0u, Errno.None)]
    public void Call_OnADmaBuf_AnswersByAccessThenByTable(FileCall call, uint access, Errno expected)
    {
        using var test = new TestGuest();
        int fd = test.TryAllocate(TestGuest.Private, Size, access).Value.Fd;

        Assert.Equal(expected, test.Guest.Files.Call(test.Init, fd, call).Failure?.Errno ?? Errno.None);
    }

    [Theory]
    [Statement("S-BUF-10")]
    [InlineData(0, 2, (long)Size, Errno.None)]
    [InlineData(0, 0, 0, Errno.None)]
    [InlineData(1, 2, 0, Errno.EINVAL)]
    [InlineData(-1, 0, 0, Errno.EINVAL)]
    [InlineData(0, 1, 0, Errno.EINVAL)]
    [InlineData(0, 3, 0, Errno.EINVAL)]
    [InlineData(0, -1, 0, Errno.EINVAL)]
    public void Lseek_OnADmaBuf_TellsTheSizeAndNothingElse(long offset, int whence, long expected, Errno errno)
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, Size);

        Result<long> result = test.Guest.Files.Lseek(test.Init, fd, offset, whence);

        Assert.Equal((errno, expected), (result.Failure?.Errno ?? Errno.None, result.Ok ? result.Value : 0));
    }

    [Fact]
    [Statement("S-BUF-12")]
    public void Fstat_AfterChmodAndChown_ShowsThem()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, Size);
        Assert.Equal(0x180U, test.Guest.Files.Fstat(test.Init, fd).Value.Mode);

        Assert.Null(test.Guest.Files.Fchmod(test.Init, fd, 0x1b6));
        Assert.Null(test.Guest.Files.Fchown(test.Init, fd, 1, uint.MaxValue));

        FileStat stat = test.Guest.Files.Fstat(test.Init, fd).Value;
        Assert.Equal((0x1b6U, 1U, 0U, Size, Size / 512, 1U), (stat.Mode, stat.Uid, stat.Gid, stat.Size, stat.Blocks, stat.Links));
        Assert.Equal(0x444d4142U, test.Guest.Files.Fstatfs(test.Init, fd).Value.Type);
    }

    [Fact]
    [Statement("S-BUF-12")]
    public void Fchmod_ByAnotherUser_IsRefused()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, Size);
        Assert.Null(test.Guest.Processes.SetCredentials(test.Init, 1000, 1000));

        Assert.Equal(Errno.EPERM, test.Guest.Files.Fchmod(test.Init, fd, 0x1ff)?.Errno);
        Assert.Equal(Errno.EPERM, test.Guest.Files.Fchown(test.Init, fd, 1000, 1000)?.Errno);
    }

    [Fact]
    [Statement("S-BUF-14", "S-BUF-03")]
    public void Fcntl_StatusFlags_SetWhatMayBeSet()
    {
        using var test = new TestGuest();
        int fd = test.TryAllocate(TestGuest.Private, Size, 1).Value.Fd;

        Assert.Equal(0, Fcntl(test, fd, SetFlags, OpenFlags.NonBlock).Value);
        Assert.Equal(0, Fcntl(test, fd, SetFlags, OpenFlags.Append).Value);
        Assert.Equal(Errno.EINVAL, Fcntl(test, fd, SetFlags, OpenFlags.Direct).Failure!.Errno);

        Assert.Equal(1 | OpenFlags.Append, Fcntl(test, fd, GetFlags).Value);
    }

    [Fact]
    [Statement("S-BUF-90", "S-BUF-93", "S-BUF-105")]
    public void Dup_SecondFd_IsTheSameFileWithItsOwnCloseOnExec()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, Size);
        Assert.Equal(0, Fcntl(test, fd, SetFd, 1).Value);

        int second = test.Guest.Files.Dup(test.Init, fd).Value;
        int high = (int)Fcntl(test, fd, DupFd, 100).Value;

        Assert.Equal((1L, 0L, 100), (Fcntl(test, fd, GetFd).Value, Fcntl(test, second, GetFd).Value, high));
        Assert.Equal(3UL, test.Stat(fd).Count);
        Assert.Equal(test.Stat(fd).Inode, test.Stat(high).Inode);
        Assert.Equal(0, Fcntl(test, fd, SetFlags, OpenFlags.NonBlock).Value);
        Assert.Equal(OpenFlags.ReadWrite | OpenFlags.NonBlock, Fcntl(test, second, GetFlags).Value);
    }

    [Fact]
    [Statement("S-BUF-90", "S-BUF-91")]
    public void Dup2_OntoAnOpenFd_ClosesWhatWasThere()
    {
        using var test = new TestGuest();
        int first = test.Allocate(TestGuest.Private, Size);
        int second = test.Allocate(TestGuest.Private, Size);

        Assert.Equal(second, test.Guest.Files.Dup2(test.Init, first, second).Value);
        Assert.Equal(1, test.Snapshot().Objects.Buffers);
        Assert.Equal(Errno.EBADF, test.Guest.Files.Dup2(test.Init, first, -1).Failure!.Errno);
        Assert.Equal(Errno.EINVAL, test.Guest.Files.Dup3(test.Init, first, first, 0).Failure!.Errno);
        Assert.Equal(Errno.EINVAL, test.Guest.Files.Dup3(test.Init, first, 50, OpenFlags.NonBlock).Failure!.Errno);
    }

    [Fact]
    [Statement("S-BUF-14")]
    public void Reopen_OfADmaBuf_WorksByPathOnly()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, Size);

        Assert.Equal(Errno.ENXIO, test.Guest.Tree.Open(test.Init, $"/proc/self/fd/{fd}", OpenFlags.ReadWrite).Failure!.Errno);
        int path = test.Guest.Tree.Open(test.Init, $"/proc/self/fd/{fd}", OpenFlags.PathOnly).Value;
        Assert.Equal(Errno.EBADF, test.Guest.Files.Call(test.Init, path, FileCall.Read).Failure!.Errno);
        Assert.Null(test.Guest.Files.Close(test.Init, fd));
        Assert.Null(test.Guest.Files.Close(test.Init, path));
        Assert.Equal(0, test.Snapshot().Objects.Buffers);
    }

    [Theory]
    [Statement("S-VEC-16")]
    [InlineData(KernelVersion.V612, 0u, "00080005")]
    [InlineData(KernelVersion.V612, 1u, "00080006")]
    [InlineData(KernelVersion.V72, 0u, "02080005")]
    [InlineData(KernelVersion.V72, 1u, "02080006")]
    [InlineData(KernelVersion.V73, 2u, "02080007")]
    public void BufInfo_OfAnAccessMode_ShowsTheFilesMode(KernelVersion kernel, uint access, string mode)
    {
        using var test = new TestGuest(Platform.None, kernel);
        Assert.True(test.TryAllocate(TestGuest.Private, Size, access).Ok);

        Assert.Contains(
            $"\t{mode}\t", Text(test.Guest.Tree.ReadText(test.Init, "/sys/kernel/debug/dma_buf/bufinfo")), StringComparison.Ordinal);
    }

    [Theory]
    [Statement("S-BUF-105", "S-BUF-101", "S-BUF-103", "S-BUF-02")]
    [InlineData(KernelVersion.V612, "00080007")]
    [InlineData(KernelVersion.V73, "02080007")]
    public void Texts_OfANamedBuffer_AreTheKernels(KernelVersion kernel, string mode)
    {
        using var test = new TestGuest(Platform.None, kernel);
        int fd = test.Allocate(TestGuest.Private, Size);
        Assert.Null(test.Guest.Buffers.SetName(test.Init, fd, "named"));

        Assert.Equal("/dmabuf:named", Text(test.Guest.Files.ReadLink(test.Init, fd)));
        Assert.EndsWith(
            "size:\t12288\ncount:\t1\nexp_name:\tsystem\nname:\tnamed\n",
            Text(test.Guest.Files.FdInfo(test.Init, fd)),
            StringComparison.Ordinal);
        Assert.Equal(
            "\nDma-buf Objects:\nsize    \tflags   \tmode    \tcount   \texp_name\tino     \tname\n"
            + $"00012288\t00000002\t{mode}\t00000001\tsystem\t00000001\tnamed\n\tAttached Devices:\nTotal 0 devices attached\n\n"
            + "\nTotal 1 objects, 12288 bytes\n",
            Text(test.Guest.Tree.ReadText(test.Init, "/sys/kernel/debug/dma_buf/bufinfo")));
    }

    [Theory]
    [Statement("S-BUF-104")]
    [InlineData(KernelVersion.V612, true)]
    [InlineData(KernelVersion.V72, false)]
    public void Statistics_OfABuffer_ExistIn612Only(KernelVersion kernel, bool exist)
    {
        using var test = new TestGuest(Platform.None, kernel);
        _ = test.Allocate(TestGuest.Private, Size);

        Result<byte[]> size = test.Guest.Tree.ReadText(test.Init, "/sys/kernel/dmabuf/buffers/1/size");

        Assert.Equal(exist ? "12288\n" : "ENOENT", size.Ok ? Text(size) : size.Failure.Errno.ToString());
    }

    [Fact]
    [Statement("S-BUF-90", "S-BUF-93")]
    public void Token_OfAHeapNode_GivesTheSameOpenFile()
    {
        using var test = new TestGuest();
        int node = test.Guest.Tree.Open(test.Init, "/dev/dma_heap/system", OpenFlags.ReadWrite).Value;
        Handle128 token = test.Guest.Files.Export(test.Init, node, null, TimeSpan.Zero).Value;

        Assert.Equal(Errno.EINVAL, test.Guest.Buffers.Import(test.Init, token).Failure!.Errno);
        int received = test.Guest.Files.Import(test.Init, token, closeOnExec: true).Value;

        Assert.Equal(1, Fcntl(test, received, GetFd).Value);
        Assert.Equal("/dev/dma_heap/system", Text(test.Guest.Files.ReadLink(test.Init, received)));
        Assert.Equal(Errno.ENOENT, test.Guest.Files.Import(test.Init, token, closeOnExec: false).Failure!.Errno);
    }

    private static Result<long> Fcntl(TestGuest test, int fd, int command, ulong argument = 0) =>
        test.Guest.Files.Fcntl(test.Init, fd, command, argument, Nothing);

    private static string Text(Result<byte[]> bytes) => System.Text.Encoding.Latin1.GetString(bytes.Value);
}
