using CocoGuest.Machine;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Processes;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>Moves over gRPC: importers hear of them on their stream, and the call that asked waits for them.</summary>
public sealed class MovableServiceTests : ServerTest
{
    private const ulong Length = 3 * 4096;
    private static readonly ByteString Bytes = ByteString.CopyFromUtf8("stays");

    private MovableService.MovableServiceClient Movable => field ??= new(Host.Unix());

    private GuestService.GuestServiceClient Guests => field ??= Host.Guests();

    private int Waiting => Host.Part<GuestRegistry>().Find("").Value.Fences.Waits.Count;

    internal override void Configure(CocoGuest.Service.Options.ServerOptions options) =>
        options.DefaultShape = options.DefaultShape with { Platform = Platform.None };

    [Fact]
    [Statement("S-BUF-56")]
    public async Task MigrateBuffer_NobodyMaps_MovesTheBytesToOtherFrames()
    {
        int fd = (await Movable.AllocateMovableAsync(new() { Len = Length })).Fd;
        ulong address = (await Guests.MmapAsync(new() { Fd = fd })).Address;
        await Guests.StoreAsync(new() { Address = address, Data = Bytes });
        ulong before = await FirstAddressAsync("", fd);

        await Movable.MigrateBufferAsync(new() { Fd = fd });

        Assert.NotEqual(before, await FirstAddressAsync("", fd));
        Assert.Equal(Bytes, (await Guests.LoadAsync(new() { Address = address, Length = (ulong)Bytes.Length })).Data);
    }

    [Fact]
    [Statement("S-BUF-56")]
    public async Task MigrateBuffer_DynamicImporter_HearsOfItAndTheMoveWaitsForItsUnmap()
    {
        using OpenedProcess importer = await OpenedProcess.StartAsync(Host.Unix());
        (int fd, ulong attachment) = await ImportAsync(importer);
        ulong before = await FirstAddressAsync("", fd);

        AsyncUnaryCall<MigrateBufferResponse> move = Movable.MigrateBufferAsync(new() { Fd = fd, PatienceNanoseconds = 1_000_000_000 });
        AttachmentInvalidated told = (await importer.NextAsync())!.AttachmentInvalidated;
        Assert.Equal((attachment, 1_000_000_000ul), (told.Attachment, told.WithinNanoseconds));
        Assert.Equal((false, before), (move.ResponseAsync.IsCompleted, await FirstAddressAsync("", fd)));
        await Guests.UnmapDmaBufAsync(new() { Process = importer.Handle, Attachment = attachment });

        await move.ResponseAsync.WaitAsync(Patience);
        Assert.NotEqual(before, await FirstAddressAsync("", fd));
    }

    [Fact]
    public async Task MigrateBuffer_ImporterThatStaysMapped_IsCutOff()
    {
        using OpenedProcess importer = await OpenedProcess.StartAsync(Host.Unix());
        (int fd, ulong attachment) = await ImportAsync(importer);
        AsyncUnaryCall<MigrateBufferResponse> move = Movable.MigrateBufferAsync(new() { Fd = fd, PatienceNanoseconds = 1_000_000_000 });
        Assert.NotNull((await importer.NextAsync())!.AttachmentInvalidated);

        Host.Time.Advance(TimeSpan.FromSeconds(1));

        await move.ResponseAsync.WaitAsync(Patience);
        AttachmentRevoked revoked = (await importer.NextAsync())!.AttachmentRevoked;
        Assert.Equal((attachment, "ETIMEDOUT"), (revoked.Attachment, revoked.Reason));
        await FailsAsync(Guests.MapDmaBufAsync(new() { Process = importer.Handle, Attachment = attachment }));
    }

    [Fact]
    public async Task MigrateBuffer_ThatIsCancelled_GoesOnWithoutItsCaller()
    {
        using OpenedProcess importer = await OpenedProcess.StartAsync(Host.Unix());
        (int fd, ulong attachment) = await ImportAsync(importer);
        ulong before = await FirstAddressAsync("", fd);
        using var given = new CancellationTokenSource();
        AsyncUnaryCall<MigrateBufferResponse> move = Movable.MigrateBufferAsync(new() { Fd = fd }, cancellationToken: given.Token);
        Eventually(() => Waiting == 1);
        await given.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await FailsAsync(move)).StatusCode);
        Eventually(() => Waiting == 0);

        await Guests.UnmapDmaBufAsync(new() { Process = importer.Handle, Attachment = attachment });
        Assert.NotEqual(before, await FirstAddressAsync("", fd));
    }

    [Fact]
    [Statement("S-BUF-55")]
    public async Task PinBuffer_ByADynamicImporter_ForbidsTheMoveUntilUnpinned()
    {
        int fd = (await Movable.AllocateMovableAsync(new() { Len = Length })).Fd;
        ulong attachment = (await Movable.AttachDynamicAsync(new() { Fd = fd })).Attachment;
        await Movable.PinBufferAsync(new() { Attachment = attachment });
        Assert.Equal("EBUSY", Failures.InfoOf(await FailsAsync(Movable.MigrateBufferAsync(new() { Fd = fd }))).Reason);
        await Movable.UnpinBufferAsync(new() { Attachment = attachment });
        await Movable.MigrateBufferAsync(new() { Fd = fd });
    }

    [Theory]
    [InlineData("length", "EINVAL", "len")]
    [InlineData("fd flags", "EINVAL", "fd_flags")]
    [InlineData("attach a closed fd", "EBADF", "fd")]
    [InlineData("attach another's device", "ENODEV", "device")]
    [InlineData("migrate a heap's", "EOPNOTSUPP", "fd")]
    [InlineData("patience", "EINVAL", "patience_nanoseconds")]
    [InlineData("pin a static attachment", "EINVAL", "attachment")]
    [InlineData("unpin what is not pinned", "EINVAL", "attachment")]
    public async Task WrongField_IsNamed(string what, string errno, string field)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(what));
        Google.Rpc.ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal((errno, field), (info.Reason, info.Metadata["field"]));
    }

    private async Task CallAsync(string what)
    {
        int fd = (await Movable.AllocateMovableAsync(new() { Len = Length })).Fd;
        switch (what)
        {
            case "length": await Movable.AllocateMovableAsync(new()); break;
            case "fd flags": await Movable.AllocateMovableAsync(new() { Len = 1, FdFlags = 4 }); break;
            case "attach a closed fd": await Movable.AttachDynamicAsync(new() { Fd = 900 }); break;
            case "attach another's device": await Movable.AttachDynamicAsync(new() { Fd = fd, Device = "none" }); break;
            case "migrate a heap's":
                int heaps = (await Guests.AllocateBufferAsync(new() { Heap = "system", Len = 1 })).Fd;
                await Movable.MigrateBufferAsync(new() { Fd = heaps });
                break;
            case "patience": await Movable.MigrateBufferAsync(new() { Fd = fd, PatienceNanoseconds = 3_600_000_000_000 }); break;
            case "pin a static attachment":
                ulong fixedOne = (await Guests.AttachAsync(new() { Fd = fd })).Attachment;
                await Movable.PinBufferAsync(new() { Attachment = fixedOne });
                break;
            case "unpin what is not pinned":
                ulong dynamic = (await Movable.AttachDynamicAsync(new() { Fd = fd })).Attachment;
                await Movable.UnpinBufferAsync(new() { Attachment = dynamic });
                break;
            default: throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    /// <summary>A movable buffer of init that another process has mapped for a device of its own, dynamically.</summary>
    private async Task<(int Fd, ulong Attachment)> ImportAsync(OpenedProcess importer)
    {
        int fd = (await Movable.AllocateMovableAsync(new() { Len = Length })).Fd;
        string token = (await Guests.ExportBufferAsync(new() { Fd = fd })).ShareToken;
        int theirs = (await Guests.ImportBufferAsync(new() { Process = importer.Handle, ShareToken = token })).Fd;
        ulong attachment = (await Movable.AttachDynamicAsync(new() { Process = importer.Handle, Fd = theirs })).Attachment;
        await Guests.MapDmaBufAsync(new() { Process = importer.Handle, Attachment = attachment });
        return (fd, attachment);
    }

    private async Task<ulong> FirstAddressAsync(string process, int fd) =>
        (await Guests.StatBufferAsync(new() { Process = process, Fd = fd })).Chunks[0].GuestPhysicalAddress;
}
