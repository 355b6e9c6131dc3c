using System.Text;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Tests.Service.Broker;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Control;

/// <summary>The control protocol, spoken to byte for byte: what each operation does, and that gRPC clients see the same guest.</summary>
public sealed class ControlCallsTests : ServerTest
{
    private const uint HasFd = 1;
    private const uint ReadOnly = 2;
    private const uint Bounced = 4;
    private const uint HostVisible = 2;

    [Fact]
    public void Hello_OfVersionOne_AnswersVersionAndLimits()
    {
        using var client = new ControlClient(Host.Server.BrokerPath);
        using ControlAnswer answer = client.Call(ControlClient.Hello, 7u, 0u);
        Assert.Equal((1u, 4096u, 65536u, 65536u), (answer.UInt32(0), answer.UInt32(4), answer.UInt32(8), answer.UInt32(12)));
    }

    [Fact]
    public void Hello_OfVersionZero_IsEopnotsupp()
    {
        using var client = new ControlClient(Host.Server.BrokerPath);
        Assert.Equal(Errno.EOPNOTSUPP, client.Try(ControlClient.Hello, 0u, 0u).Errno);
    }

    [Fact]
    public void Call_BeforeOpenProcess_IsEbadfdAndTheConnectionStays()
    {
        using var client = new ControlClient(Host.Server.BrokerPath);
        ControlAnswer refused = client.Try(ControlClient.Stat, 0, 0u);
        Assert.Equal((Errno.EBADFD, "check process"), (refused.Errno, refused.Step));
        client.Call(ControlClient.OpenProcess, "default", "late");
    }

    [Fact]
    public void OpenProcess_Twice_IsEbusy()
    {
        using ControlClient client = Open();
        Assert.Equal(Errno.EBUSY, client.Try(ControlClient.OpenProcess, "", "again").Errno);
    }

    [Fact]
    public void OpenProcess_InAGuestThatIsNot_IsEnoentOfTheGuest()
    {
        using var client = new ControlClient(Host.Server.BrokerPath);
        ControlAnswer refused = client.Try(ControlClient.OpenProcess, "nowhere", "");
        Assert.Equal((Errno.ENOENT, "guest"), (refused.Errno, refused.Field));
    }

    [Fact]
    public async Task OpenProcess_Handle_IsTheSameUsersOverTheUnixSocketAndNobodysOverTcp()
    {
        using var client = new ControlClient(Host.Server.BrokerPath);
        string handle = client.Call(ControlClient.OpenProcess, "", "mine").Hex(0);
        AllocateBufferResponse buffer = await Host.Guests().AllocateBufferAsync(new() { Process = handle, Heap = "system", Len = 4096 });
        Assert.Equal(4096ul, client.Call(ControlClient.Stat, buffer.Fd, 0u).UInt64(0));
        RpcException refused = await FailsAsync(
            new GuestService.GuestServiceClient(Host.Tcp()).AllocateBufferAsync(new() { Process = handle, Heap = "system", Len = 4096 }));
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
    }

    [Fact]
    public async Task ListHeaps_AnswersWhatGrpcLists()
    {
        using ControlClient client = Open();
        ControlAnswer answer = client.Call(ControlClient.ListHeaps);
        ListHeapsResponse heaps = await Host.Guests().ListHeapsAsync(new());
        Assert.Equal(
            heaps.Heaps.Select(h => (h.Name, h.ValidHeapFlags, h.Minor)),
            Enumerable.Range(0, (int)answer.UInt32(0)).Select(i => 8 + (i * 80))
                .Select(at => (answer.Text(at), answer.UInt64(at + 64), answer.UInt32(at + 72))));
    }

    [Fact]
    public async Task Mmap_OfSharedBuffer_CarriesTheMemoryThatTheGuestReads()
    {
        using var client = new ControlClient(Host.Server.BrokerPath);
        string handle = client.Call(ControlClient.OpenProcess, "", "app").Hex(0);
        int fd = Allocate(client, "system_cc_shared", 8192);
        using ControlAnswer mapping = MapMemory(client, fd, offset: 4096);
        Assert.Equal((4096ul, 4096ul, 8192ul, HasFd),
            (mapping.UInt64(8), mapping.UInt64(16), mapping.UInt64(32), mapping.UInt32(40)));
        RandomAccess.Write(mapping.Fd!, "shared"u8, 4096);
        LoadResponse loaded = await Host.Guests().LoadAsync(new() { Process = handle, Address = mapping.UInt64(0), Length = 6 });
        Assert.Equal("shared", loaded.Data.ToStringUtf8());
    }

    [Theory]
    [InlineData("system", 1u)]
    [InlineData("system_cc_shared", 2u)]
    public void Mmap_OfPrivateMemory_CarriesNoFd(string heap, uint flags)
    {
        using ControlClient client = Open();
        int fd = Allocate(client, heap, 4096);
        using ControlAnswer mapping = client.Call(ControlClient.Mmap, fd, uint.MaxValue, flags, 0u, 0ul, 0ul);
        Assert.Equal((0ul, 0ul, 0u, null), (mapping.UInt64(24), mapping.UInt64(32), mapping.UInt32(40), mapping.Fd));
    }

    [Fact]
    public void Mmap_OfReadOnlyBuffer_CarriesAReadOnlyFd()
    {
        using ControlClient client = Open();
        int fd = client.Call(ControlClient.Allocate, "system_cc_shared", 4096ul, 0ul, 0u, 0u).Int32(0);
        using ControlAnswer mapping = MapMemory(client, fd);
        Assert.Equal(HasFd | ReadOnly, mapping.UInt32(40));
        Assert.Throws<UnauthorizedAccessException>(() => RandomAccess.Write(mapping.Fd!, "x"u8, 0));
    }

    [Fact]
    public void Mmap_IsCounted_AsFdsAndBytesHandedOut()
    {
        using ControlClient client = Open();
        MapMemory(client, Allocate(client, "system_cc_shared", 12288)).Dispose();
        Eventually(() => Host.Part<CocoGuest.Service.Broker.SharedMappings>().Of(Guest) == (1, 12288));
    }

    [Fact]
    public void LoadAndStore_OfPrivateMemory_MoveItsBytes()
    {
        using ControlClient client = Open();
        ulong address = MapMemory(client, Allocate(client, "system", 131072)).UInt64(0);
        byte[] bytes = new byte[65536];
        new Random(1).NextBytes(bytes);
        client.Call(ControlClient.Store, address + 5, bytes);
        Assert.Equal(bytes, client.Call(ControlClient.Load, address + 5, 65536ul).Body);
    }

    [Fact]
    public void Load_BeyondTheLimit_IsEinvalOfTheLength()
    {
        using ControlClient client = Open();
        ulong address = MapMemory(client, Allocate(client, "system", 131072)).UInt64(0);
        ControlAnswer refused = client.Try(ControlClient.Load, address, 65537ul);
        Assert.Equal((Errno.EINVAL, "length"), (refused.Errno, refused.Field));
    }

    [Fact]
    public void StatBuffer_OfANamedBuffer_TellsAllOfIt()
    {
        using ControlClient client = Open();
        ControlAnswer buffer = client.Call(ControlClient.Allocate, "system_cc_shared", 4097ul, 0ul, 2u, 0u);
        client.Call(ControlClient.SetName, buffer.Int32(0), 0u, "frame");
        client.Call(ControlClient.Attach, buffer.Int32(0), 0u, "");
        ControlAnswer stat = client.Call(ControlClient.Stat, buffer.Int32(0), 0u);
        Assert.Equal((8192ul, buffer.UInt64(16), 7u, 1u), (stat.UInt64(0), stat.UInt64(8), stat.UInt32(24), stat.UInt32(32)));
        Assert.Equal(("system_cc_shared", "frame"), (stat.Text(40), stat.Text(104)));
        Assert.Equal((8192ul, HostVisible), (buffer.UInt64(8), buffer.UInt32(4)));
    }

    [Fact]
    public void MapDmaBuf_ByAMappedDevice_CarriesTheSameMemory()
    {
        using ControlClient client = Open();
        client.Call(ControlClient.RegisterDevice, "nic", "rdma", ulong.MaxValue, 0ul, 0u, 0u);
        int fd = Allocate(client, "system_cc_shared", 65536);
        using ControlAnswer memory = MapMemory(client, fd);
        RandomAccess.Write(memory.Fd!, "device"u8, 0);
        ulong attachment = client.Call(ControlClient.Attach, fd, 0u, "nic").UInt64(0);
        using ControlAnswer mapping = client.Call(ControlClient.Map, attachment, 0u, 0u);
        Assert.Equal((memory.UInt64(24), 65536ul, HasFd), (mapping.UInt64(0), mapping.UInt64(8), mapping.UInt32(16)));
        Assert.Equal("device", mapping.ReadMemory(0, 6));
        Assert.Equal("device"u8, client.Call(ControlClient.DmaRead, "nic", mapping.UInt64(24), 6ul).Body);
        Assert.Equal(65536ul, Enumerable.Range(0, (int)mapping.UInt32(20)).Aggregate(0ul, (sum, i) => sum + mapping.UInt64(32 + (i * 16))));
    }

    [Fact]
    public void MapDmaBuf_ThatBounces_CarriesNoFdAndTheDeviceSeesASnapshot()
    {
        using ControlClient client = Open();
        int fd = Allocate(client, "system", 4096);
        ulong address = MapMemory(client, fd).UInt64(0);
        client.Call(ControlClient.Store, address, "before"u8.ToArray());
        ulong attachment = client.Call(ControlClient.Attach, fd, 0u, "").UInt64(0);
        using ControlAnswer mapping = client.Call(ControlClient.Map, attachment, 0u, 0u);
        Assert.Equal((0ul, 0ul, Bounced, null), (mapping.UInt64(0), mapping.UInt64(8), mapping.UInt32(16), mapping.Fd));
        client.Call(ControlClient.Store, address, "after "u8.ToArray());
        Assert.Equal("before"u8, client.Call(ControlClient.DmaRead, "", mapping.UInt64(24), 6ul).Body);
        Assert.Equal(4096ul, client.Call(ControlClient.Sync, fd, 0u, 6ul).UInt64(8));
        Assert.Equal("after "u8, client.Call(ControlClient.DmaRead, "", mapping.UInt64(24), 6ul).Body);
    }

    [Fact]
    public void Detach_WhileMapped_IsEbusyOfTheAttachment()
    {
        using ControlClient client = Open();
        ulong attachment = client.Call(ControlClient.Attach, Allocate(client, "system", 4096), 0u, "").UInt64(0);
        client.Call(ControlClient.Map, attachment, 1u, 0u).Dispose();
        ControlAnswer refused = client.Try(ControlClient.Detach, attachment);
        Assert.Equal((Errno.EBUSY, "attachment"), (refused.Errno, refused.Field));
        client.Call(ControlClient.Unmap, attachment);
        client.Call(ControlClient.Detach, attachment);
    }

    [Fact]
    public async Task ExportBuffer_Token_IsRedeemedByAGrpcClient()
    {
        using ControlClient client = Open();
        ControlAnswer buffer = client.Call(ControlClient.Allocate, "system_cc_shared", 4096ul, 0ul, 2u, 0u);
        string token = client.Call(ControlClient.Export, buffer.Int32(0), 0u, new byte[16], 0ul).Hex(0);
        ImportBufferResponse imported = await Host.Guests().ImportBufferAsync(new() { ShareToken = token });
        Assert.Equal(buffer.UInt64(16), imported.Ino);
    }

    [Fact]
    public async Task ImportBuffer_OfAGrpcClientsToken_GivesTheSameBuffer()
    {
        AllocateBufferResponse buffer = await Host.Guests().AllocateBufferAsync(new() { Heap = "system", Len = 4096 });
        string token = (await Host.Guests().ExportBufferAsync(new() { Fd = buffer.Fd })).ShareToken;
        using ControlClient client = Open();
        Assert.Equal(buffer.Ino, client.Call(ControlClient.Import, Convert.FromHexString(token)).UInt64(16));
    }

    [Fact]
    public void ExportBuffer_WhoseTimeIsOver_HoldsTheBufferNoLonger()
    {
        using ControlClient client = Open();
        int fd = Allocate(client, "system", 4096);
        client.Call(ControlClient.Export, fd, 0u, new byte[16], 2_000_000_000ul);
        client.Call(ControlClient.Release, fd, 0u);
        Assert.Equal(1, Objects.Buffers);
        Host.Time.Advance(TimeSpan.FromSeconds(4));
        Eventually(() => Objects.Buffers == 0);
    }

    [Fact]
    public void Release_OfTheLastHolder_TellsOfTheRevocationAndTheMemoryReadsZeros()
    {
        using ControlClient client = Open();
        int fd = Allocate(client, "system_cc_shared", 4096);
        using ControlAnswer mapping = MapMemory(client, fd);
        RandomAccess.Write(mapping.Fd!, "secret"u8, 0);
        client.Call(ControlClient.Munmap, mapping.UInt64(0));
        client.Send(ControlClient.Request(ControlClient.Release, 5, fd, 0u));
        client.ReceiveRevocation();
        Assert.Equal((5ul, Errno.None), (client.Receive()!.Id, Errno.None));
        Assert.Equal([mapping.UInt64(24)], client.Revoked);
        Assert.Equal("\0\0\0\0\0\0", mapping.ReadMemory(0, 6));
    }

    [Fact]
    public async Task Redeem_OnAConnectionThatSpeaksControl_GivesTheFd()
    {
        AllocateBufferResponse buffer = await Host.Guests().AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 4096 });
        MmapResponse mapping = await Host.Guests().MmapAsync(new() { Fd = buffer.Fd });
        using var socket = new FdSocket(Host.Server.BrokerPath);
        socket.Send(ControlClient.Request(ControlClient.OpenProcess, 1, "", ""));
        socket.Send(BrokerClient.Request(mapping.FdToken));
        byte[] answers = new byte[24 + 24 + 48];
        Microsoft.Win32.SafeHandles.SafeFileHandle? fd = null;
        Assert.True(socket.Receive(answers, ref fd));
        using var frame = ReceivedFrame.Read(answers.AsSpan(48), fd);
        Assert.Equal((1u, mapping.BackingId, false), (frame.Kind, frame.BackingId, frame.Fd is null));
    }

    [Fact]
    public void Failure_OfACall_RepeatsOperationStepFieldAndSentence()
    {
        using ControlClient client = Open();
        ControlAnswer refused = client.Try(ControlClient.Allocate, "system_cc_shared", 4096ul, 0x80ul, 2u, 0u);
        Assert.Equal((Errno.EINVAL, 400, "DMA_HEAP_IOCTL_ALLOC", "check heap_flags", "heap_flags"),
            (refused.Errno, refused.Body.Length, refused.Text(0, 48), refused.Step, refused.Field));
        Assert.Contains("0x80", refused.Text(144, 256), StringComparison.Ordinal);
    }

    [Fact]
    public void Failure_WithASentenceThatIsTooLong_EndsBehindAWholeCharacter()
    {
        using ControlClient client = Open();
        ControlAnswer refused = client.Try(
            ControlClient.Attach, Allocate(client, "system", 1), 0u, string.Concat(Enumerable.Repeat("ä€", 12)));
        Assert.Equal(Errno.ENODEV, refused.Errno);
        Assert.DoesNotContain('\uFFFD', Encoding.UTF8.GetString(refused.Body.AsSpan(144)));
    }

    private Guest Guest => Host.Part<GuestRegistry>().Find("").Value;

    private Machine.ObjectCensus Objects => Guest.Snapshot().Objects;

    private ControlClient Open() => ControlClient.Open(Host.Server.BrokerPath);

    private static int Allocate(ControlClient client, string heap, ulong length) =>
        client.Call(ControlClient.Allocate, heap, length, 0ul, 2u, 0u).Int32(0);

    private static ControlAnswer MapMemory(ControlClient client, int fd, ulong offset = 0) =>
        client.Call(ControlClient.Mmap, fd, uint.MaxValue, 1u, 0u, offset, 0ul);
}
