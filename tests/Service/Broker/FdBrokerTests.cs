using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Service.Broker;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;
using CopyCounters = CocoGuest.V1.CopyCounters;

namespace CocoGuest.Tests.Service.Broker;

/// <summary>The fd broker, spoken to byte for byte.</summary>
public sealed class FdBrokerTests : ServerTest
{
    private const string NoSuchToken = "00112233445566778899aabbccddeeff";
    private const uint FdKind = 1;
    private const uint ErrorKind = 2;
    private const uint RevokedKind = 3;

    internal override void Configure(CocoGuest.Service.Options.ServerOptions options)
    {
        options.MaxFdTokens = 3;
        options.MaxBrokerConnections = 2;
    }

    [Fact]
    public async Task Redeem_OfMmapToken_GivesTheBytesThatTheGuestStored()
    {
        GuestService.GuestServiceClient guests = Host.Guests();
        MmapResponse mapping = await MapAsync(guests, 8192);
        await guests.StoreAsync(new() { Address = mapping.Address + 4096, Data = ByteString.CopyFromUtf8("shared") });
        using var client = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame frame = client.Redeem(mapping.FdToken);
        Assert.Equal((FdKind, Errno.None, 0u, mapping.BackingId, 8192ul, mapping.FdToken),
            (frame.Kind, frame.Errno, frame.Flags, frame.BackingId, frame.Size, frame.Token));
        Assert.Equal("shared", frame.ReadText(4096, 6));
    }

    [Fact]
    public async Task Store_ByTheHolderOfTheFd_IsSeenByTheGuest()
    {
        GuestService.GuestServiceClient guests = Host.Guests();
        MmapResponse mapping = await MapAsync(guests, 4096);
        using var client = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame frame = client.Redeem(mapping.FdToken);
        RandomAccess.Write(frame.Fd!, "device"u8, 0);
        LoadResponse loaded = await guests.LoadAsync(new() { Address = mapping.Address, Length = 6 });
        Assert.Equal("device", loaded.Data.ToStringUtf8());
    }

    [Fact]
    public async Task Redeem_OfMapDmaBufTokenOfMappedDevice_GivesTheSameBacking()
    {
        GuestService.GuestServiceClient guests = Host.Guests();
        await new DeviceService.DeviceServiceClient(Host.Unix()).RegisterDeviceAsync(new() { Name = "nic" });
        AllocateBufferResponse buffer = await guests.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 4096 });
        AttachResponse attachment = await guests.AttachAsync(new() { Fd = buffer.Fd, Device = "nic" });
        MapDmaBufResponse map = await guests.MapDmaBufAsync(new() { Attachment = attachment.Attachment });
        MmapResponse mapping = await guests.MmapAsync(new() { Fd = buffer.Fd });
        using var client = new BrokerClient(Host.Server.BrokerPath);
        using ReceivedFrame frame = client.Redeem(map.FdToken);
        Assert.Equal((FdKind, mapping.BackingId), (frame.Kind, frame.BackingId));
    }

    [Fact]
    public async Task Redeem_OfReadOnlyBuffer_GivesReadOnlyFd()
    {
        GuestService.GuestServiceClient guests = Host.Guests();
        AllocateBufferResponse buffer = await guests.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 4096, FdFlags = 0 });
        MmapResponse mapping = await guests.MmapAsync(new() { Fd = buffer.Fd });
        using var client = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame frame = client.Redeem(mapping.FdToken);
        Assert.Equal(1u, frame.Flags);
        Assert.Throws<UnauthorizedAccessException>(() => RandomAccess.Write(frame.Fd!, "x"u8, 0));
    }

    [Fact]
    public async Task Redeem_OfUsedToken_IsEnoent()
    {
        MmapResponse mapping = await MapAsync(Host.Guests(), 4096);
        using var client = new BrokerClient(mapping.BrokerPath);
        client.Redeem(mapping.FdToken).Dispose();
        using ReceivedFrame frame = client.Redeem(mapping.FdToken);
        Assert.Equal((ErrorKind, Errno.ENOENT, mapping.FdToken, null), (frame.Kind, frame.Errno, frame.Token, frame.Fd));
    }

    [Fact]
    public void Redeem_OfUnknownToken_IsEnoentAndTheConnectionStays()
    {
        using var client = new BrokerClient(Host.Server.BrokerPath);
        using ReceivedFrame first = client.Redeem(NoSuchToken);
        using ReceivedFrame second = client.Redeem(NoSuchToken);
        Assert.Equal((Errno.ENOENT, Errno.ENOENT), (first.Errno, second.Errno));
    }

    [Fact]
    public async Task Redeem_AfterTheTokensLife_IsEnoent()
    {
        MmapResponse mapping = await MapAsync(Host.Guests(), 4096);
        Host.Time.Advance(TimeSpan.FromSeconds(30));
        using var client = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame frame = client.Redeem(mapping.FdToken);
        Assert.Equal(Errno.ENOENT, frame.Errno);
    }

    [Fact]
    public async Task Redeem_JustBeforeTheTokensEnd_GivesTheFd()
    {
        MmapResponse mapping = await MapAsync(Host.Guests(), 4096);
        Host.Time.Advance(TimeSpan.FromSeconds(30) - TimeSpan.FromTicks(1));
        using var client = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame frame = client.Redeem(mapping.FdToken);
        Assert.Equal(FdKind, frame.Kind);
    }

    [Fact]
    public async Task Redeem_OfTokenOfReleasedBuffer_IsEnoent()
    {
        GuestService.GuestServiceClient guests = Host.Guests();
        AllocateBufferResponse buffer = await guests.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 4096 });
        MmapResponse mapping = await guests.MmapAsync(new() { Fd = buffer.Fd });
        await guests.MunmapAsync(new() { Address = mapping.Address });
        await guests.ReleaseAsync(new() { Fd = buffer.Fd });
        using var client = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame frame = client.Redeem(mapping.FdToken);
        Assert.Equal(Errno.ENOENT, frame.Errno);
    }

    [Fact]
    public async Task Issue_BeyondTheLimitOfAProcess_DropsItsOldestToken()
    {
        GuestService.GuestServiceClient guests = Host.Guests();
        AllocateBufferResponse buffer = await guests.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 4096 });
        var tokens = new List<string>();
        for (int i = 0; i < 4; i++)
        {
            tokens.Add((await guests.MmapAsync(new() { Fd = buffer.Fd })).FdToken);
        }

        using var client = new BrokerClient(Host.Server.BrokerPath);
        using ReceivedFrame oldest = client.Redeem(tokens[0]);
        using ReceivedFrame next = client.Redeem(tokens[1]);
        Assert.Equal((Errno.ENOENT, FdKind), (oldest.Errno, next.Kind));
    }

    [Theory]
    [InlineData(0x31424744u, 1u, 0ul)]
    [InlineData(0x31424743u, 2u, 0ul)]
    [InlineData(0x31424743u, 1u, 1ul)]
    public void Request_ThatIsMalformed_IsEinvalAndHangUp(uint magic, uint operation, ulong tail)
    {
        Host.Logs.Expected.Add(302);
        using var client = new BrokerClient(Host.Server.BrokerPath);
        client.Send(BrokerClient.Request(NoSuchToken, magic, operation, tail));
        using ReceivedFrame frame = client.Receive()!;
        Assert.Equal((ErrorKind, Errno.EINVAL), (frame.Kind, frame.Errno));
        Assert.Null(client.Receive());
    }

    [Fact]
    public void Share_WithoutAnFd_IsEbadfAndTheConnectionGoesOn()
    {
        using var client = new BrokerClient(Host.Server.BrokerPath);
        using ReceivedFrame frame = client.Share(null);
        using ReceivedFrame next = client.Redeem(NoSuchToken);
        Assert.Equal((ErrorKind, Errno.EBADF, Errno.ENOENT), (frame.Kind, frame.Errno, next.Errno));
    }

    [Fact]
    public async Task Share_OfMemoryThatAClientGotByToken_IsEinval()
    {
        // It is the buffer's memory, but no program's fd: who has a token uses ExportBuffer.
        MmapResponse mapping = await MapAsync(Host.Guests(), 4096);
        using var client = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame frame = client.Redeem(mapping.FdToken);
        using ReceivedFrame shared = client.Share(frame.Fd);
        Assert.Equal((ErrorKind, Errno.EINVAL), (shared.Kind, shared.Errno));
    }

    [Fact]
    public async Task Share_OfAFileOfTheHost_IsEinvalAndTheFdIsClosed()
    {
        using var client = new BrokerClient(Host.Server.BrokerPath);
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream(System.IO.Pipes.PipeDirection.In);
        using (var writeEnd = new SafeFileHandle(pipe.ClientSafePipeHandle.DangerousGetHandle(), ownsHandle: false))
        {
            using ReceivedFrame shared = client.Share(writeEnd);
            using ReceivedFrame redeemed = client.Redeem(NoSuchToken, writeEnd);
            Assert.Equal((Errno.EINVAL, Errno.ENOENT), (shared.Errno, redeemed.Errno));
        }

        pipe.DisposeLocalCopyOfClientHandle();
        // The end of the pipe, once nobody has the write end any more.
        Assert.Equal(0, await Task.Run(() => pipe.Read(new byte[1])).WaitAsync(Patience));
    }

    [Fact]
    public void Request_InPieces_IsAnswered()
    {
        using var client = new BrokerClient(Host.Server.BrokerPath);
        byte[] request = BrokerClient.Request(NoSuchToken);
        client.Send(request.AsSpan(0, 5));
        client.Send(request.AsSpan(5));
        using ReceivedFrame frame = client.Receive()!;
        Assert.Equal(NoSuchToken, frame.Token);
    }

    [Fact]
    public async Task LastRelease_OfHeldMemory_TellsTheHolderAndTheMemoryReadsZeros()
    {
        GuestService.GuestServiceClient guests = Host.Guests();
        AllocateBufferResponse buffer = await guests.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 4096 });
        MmapResponse mapping = await guests.MmapAsync(new() { Fd = buffer.Fd });
        using var client = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame held = client.Redeem(mapping.FdToken);
        RandomAccess.Write(held.Fd!, "secret"u8, 0);
        await guests.MunmapAsync(new() { Address = mapping.Address });
        await guests.ReleaseAsync(new() { Fd = buffer.Fd });
        using ReceivedFrame frame = client.Receive()!;
        Assert.Equal((RevokedKind, mapping.BackingId, new string('0', 32)), (frame.Kind, frame.BackingId, frame.Token));
        Assert.Equal("\0\0\0\0\0\0", held.ReadText(0, 6));
    }

    [Fact]
    public async Task DestroyGuest_WithHeldMemory_TellsTheHolder()
    {
        MmapResponse mapping = await MapAsync(Host.Guests(), 4096);
        using var client = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame held = client.Redeem(mapping.FdToken);
        await new HostService.HostServiceClient(Host.Unix()).DestroyGuestAsync(new() { Guest = "default" });
        using ReceivedFrame frame = client.Receive()!;
        Assert.Equal((RevokedKind, mapping.BackingId), (frame.Kind, frame.BackingId));
    }

    [Fact]
    public async Task Stop_OfTheServer_HangsUp()
    {
        using var client = new BrokerClient(Host.Server.BrokerPath);
        client.Redeem(NoSuchToken).Dispose();
        await Host.StopAsync();
        Assert.Null(client.Receive());
    }

    [Fact]
    public void Connection_BeyondTheLimit_IsTurnedAwayWithEagain()
    {
        Host.Logs.Expected.Add(300);
        using var first = new BrokerClient(Host.Server.BrokerPath);
        using var second = new BrokerClient(Host.Server.BrokerPath);
        first.Redeem(NoSuchToken).Dispose();
        second.Redeem(NoSuchToken).Dispose();
        using var third = new BrokerClient(Host.Server.BrokerPath);
        using ReceivedFrame frame = third.Receive()!;
        Assert.Equal((ErrorKind, Errno.EAGAIN), (frame.Kind, frame.Errno));
        Assert.Null(third.Receive());
    }

    [Fact]
    public async Task Client_ThatNeverReads_BlocksNobody()
    {
        using var stalled = new BrokerClient(Host.Server.BrokerPath);
        for (int i = 0; i < 2000; i++)
        {
            stalled.Send(BrokerClient.Request(NoSuchToken));
        }

        MmapResponse mapping = await MapAsync(Host.Guests(), 4096);
        using var client = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame frame = client.Redeem(mapping.FdToken);
        Assert.Equal(FdKind, frame.Kind);
    }

    [Fact]
    public void Client_ThatReadsLate_GetsEveryAnswer()
    {
        const int requests = 2000;
        using var client = new BrokerClient(Host.Server.BrokerPath);
        for (int i = 0; i < requests; i++)
        {
            client.Send(BrokerClient.Request(NoSuchToken));
        }

        int answers = 0;
        while (answers < requests && client.Receive() is { Errno: Errno.ENOENT })
        {
            answers++;
        }

        Assert.Equal(requests, answers);
    }

    [Fact]
    public async Task Redeem_IsCounted_WithTheBytesThatBecameReachable()
    {
        GuestService.GuestServiceClient guests = Host.Guests();
        MmapResponse mapping = await MapAsync(guests, 12288);
        using var client = new BrokerClient(mapping.BrokerPath);
        client.Redeem(mapping.FdToken).Dispose();
        Eventually(() => Host.Part<SharedMappings>().Of(Host.Part<GuestRegistry>().Find("").Value) == (1, 12288));
        CopyCounters copies = (await new HostService.HostServiceClient(Host.Unix()).GetGuestAsync(new())).Guest.Copies;
        Assert.Equal((1ul, 12288ul, 0ul), (copies.SharedMappings, copies.SharedMappedBytes, copies.SharedMappingBytes));
    }

    private static async Task<MmapResponse> MapAsync(GuestService.GuestServiceClient guests, ulong length)
    {
        AllocateBufferResponse buffer = await guests.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = length });
        return await guests.MmapAsync(new() { Fd = buffer.Fd });
    }
}
