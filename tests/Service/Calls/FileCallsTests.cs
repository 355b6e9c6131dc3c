using System.Buffers.Binary;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>Raw open and ioctl over gRPC: bytes in, bytes out, faults of user memory.</summary>
public sealed class FileCallsTests : ServerTest
{
    private const uint AllocCommand = 0xc0184800;
    private const int FdAt = 8;
    private const int FdFlagsAt = 12;
    private const uint ReadWriteCloseOnExec = 0x80002;

    private FileService.FileServiceClient Files => new(Host.Unix());

    [Fact]
    [Statement("S-HEAP-23")]
    public async Task Ioctl_DmaHeapAlloc_WritesTheFdIntoTheBytes()
    {
        int heap = await OpenAsync("/dev/dma_heap/system");
        IoctlResponse answer = await Files.IoctlAsync(new() { Fd = heap, Command = AllocCommand, Data = Argument(5000) });
        int fd = BinaryPrimitives.ReadInt32LittleEndian(answer.Data.Span[FdAt..]);
        StatBufferResponse stat = await Host.Guests().StatBufferAsync(new() { Fd = fd });
        Assert.Equal((0L, 24, 8192ul, "system"), (answer.Value, answer.Data.Length, stat.Size, stat.ExpName));
    }

    [Fact]
    [Statement("S-HEAP-20")]
    public async Task Ioctl_AnotherNumberOfAHeap_IsEinval() =>
        await FailsWithAsync("EINVAL", "command",
            new() { Fd = await OpenAsync("/dev/dma_heap/system"), Command = AllocCommand + 1, Data = Argument(1) });

    [Fact]
    [Statement("S-HEAP-32")]
    public async Task Ioctl_BytesThatCannotBeWritten_FaultsAndLeavesNoBuffer()
    {
        int heap = await OpenAsync("/dev/dma_heap/system");
        await FailsWithAsync("EFAULT", "argument", new() { Fd = heap, Command = AllocCommand, Data = Argument(1), DataReadOnly = true });
        GuestInfo guest = (await new HostService.HostServiceClient(Host.Unix()).GetGuestAsync(new())).Guest;
        Assert.Equal(0ul, guest.Objects.Buffers);
    }

    [Fact]
    public async Task Ioctl_ArgumentElsewhere_Faults() =>
        await FailsWithAsync("EFAULT", "argument",
            new() { Fd = await OpenAsync("/dev/dma_heap/system"), Command = AllocCommand, Data = Argument(1), Argument = 4096 });

    [Fact]
    public async Task Ioctl_ClosedFd_IsEbadf() =>
        await FailsWithAsync("EBADF", "fd", new() { Fd = 99, Command = AllocCommand, Data = Argument(1) });

    [Fact]
    public async Task Ioctl_MoreBytesThanACommandCanHave_NamesThem() =>
        await FailsWithAsync("EINVAL", "data", new() { Fd = 3, Command = AllocCommand, Data = ByteString.CopyFrom(new byte[16384]) });

    [Fact]
    public async Task OpenFile_NoSuchNode_NamesThePath()
    {
        RpcException e = await FailsAsync(Files.OpenFileAsync(new() { Path = "/dev/dma_heap/none" }));
        Assert.Equal(("ENOENT", "path"), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
    }

    private static ByteString Argument(ulong length)
    {
        byte[] bytes = new byte[24];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(FdFlagsAt), ReadWriteCloseOnExec);
        return ByteString.CopyFrom(bytes);
    }

    private async Task<int> OpenAsync(string path) => (await Files.OpenFileAsync(new() { Path = path })).Fd;

    private async Task FailsWithAsync(string errno, string field, IoctlRequest request)
    {
        ErrorInfo info = Failures.InfoOf(await FailsAsync(Files.IoctlAsync(request)));
        Assert.Equal((errno, field), (info.Reason, info.Metadata["field"]));
    }
}
