using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Processes;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Access;

/// <summary>What somebody without the token makes ends with his process; what the owner makes stays, as in the kernel.</summary>
public sealed class LeftoversTests : ServerTest
{
    private const ulong Day = 86_400_000_000_000;

    private HostService.HostServiceClient Hosts => new(Host.Unix());

    private Metadata WithToken => new() { { "authorization", "Bearer " + Host.Token } };

    [Fact]
    public async Task ShareTokens_OfAStranger_EndWithHisProcess()
    {
        using OpenedProcess stranger = await OpenedProcess.StartAsync(Host.Tcp());
        string token = await ExportAsync(stranger);
        Assert.Equal((1ul, 1ul), await CountAsync());
        await stranger.Client.ExitProcessAsync(new() { Process = stranger.Handle });
        Assert.Equal((0ul, 0ul), await CountAsync());
        RpcException e = await FailsAsync(Host.Guests().ImportBufferAsync(new() { ShareToken = token }));
        Assert.Equal("ENOENT", Failures.InfoOf(e).Reason);
    }

    [Fact]
    public async Task ShareTokens_OfAStrangersChild_EndWithTheChild()
    {
        using OpenedProcess stranger = await OpenedProcess.StartAsync(Host.Tcp());
        AllocateBufferResponse buffer = await stranger.Client.AllocateBufferAsync(
            new() { Process = stranger.Handle, Heap = "system_cc_shared", Len = 4096 });
        var memory = new MemoryService.MemoryServiceClient(Host.Tcp());
        string child = (await memory.ForkProcessAsync(new() { Process = stranger.Handle })).Child.Process;
        await stranger.Client.ExportBufferAsync(new() { Process = child, Fd = buffer.Fd, ExpiresAfterNanoseconds = Day });
        await stranger.Client.ExitProcessAsync(new() { Process = stranger.Handle });
        Assert.Equal((1ul, 1ul), await CountAsync());
        await stranger.Client.ExitProcessAsync(new() { Process = child });
        Assert.Equal((0ul, 0ul), await CountAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ShareTokens_OfTheOwner_SurviveTheirMaker(bool overTcp)
    {
        var guests = new GuestService.GuestServiceClient(overTcp ? Host.Tcp() : Host.Unix());
        using AsyncServerStreamingCall<OpenProcessResponse> stream = guests.OpenProcess(new(), overTcp ? WithToken : []);
        Assert.True(await stream.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience));
        string maker = stream.ResponseStream.Current.Opened.Process;
        AllocateBufferResponse buffer = await guests.AllocateBufferAsync(new() { Process = maker, Heap = "system_cc_shared", Len = 4096 });
        string token = (await guests.ExportBufferAsync(new() { Process = maker, Fd = buffer.Fd })).ShareToken;
        await guests.ExitProcessAsync(new() { Process = maker });
        Assert.Equal((1ul, 1ul), await CountAsync());
        await Host.Guests().ImportBufferAsync(new() { ShareToken = token });
    }

    [Fact]
    public async Task ShareTokens_OfAStranger_PassBetweenLiveProcesses()
    {
        using OpenedProcess giver = await OpenedProcess.StartAsync(Host.Tcp());
        using OpenedProcess taker = await OpenedProcess.StartAsync(Host.Tcp());
        string token = await ExportAsync(giver);
        await taker.Client.ImportBufferAsync(new() { Process = taker.Handle, ShareToken = token });
        await giver.Client.ExitProcessAsync(new() { Process = giver.Handle });
        Assert.Equal((1ul, 0ul), await CountAsync());
    }

    [Fact]
    public async Task RdmaDevices_OfAStranger_EndWithHisProcessAndLeaveHalfToOthers()
    {
        var rdma = new RdmaService.RdmaServiceClient(Host.Tcp());
        using OpenedProcess stranger = await OpenedProcess.StartAsync(Host.Tcp());
        RpcException? full = null;
        for (int made = 0; full is null; made++)
        {
            Assert.InRange(made, 0, 128);
            try
            {
                await rdma.AddRdmaDeviceAsync(new() { Process = stranger.Handle, RdmaDevice = $"rxe{made}" });
            }
            catch (RpcException e)
            {
                full = e;
            }
        }

        Assert.Equal("ENOSPC", Failures.InfoOf(full).Reason);
        await new RdmaService.RdmaServiceClient(Host.Unix()).AddRdmaDeviceAsync(new() { RdmaDevice = "owners" });
        await stranger.Client.ExitProcessAsync(new() { Process = stranger.Handle });
        await new RdmaService.RdmaServiceClient(Host.Unix()).AddRdmaDeviceAsync(new() { RdmaDevice = "rxe0" });
    }

    [Fact]
    public async Task Init_OverTcpWithoutToken_KeepsNothingThatWouldStay()
    {
        AllocateBufferResponse buffer = await Host.Guests().AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 4096 });
        var guests = new GuestService.GuestServiceClient(Host.Tcp());
        var faults = new FaultService.FaultServiceClient(Host.Tcp());
        var rdma = new RdmaService.RdmaServiceClient(Host.Tcp());
        RpcException[] refused =
        [
            await FailsAsync(faults.SetFailNthAsync(new() { N = 1 })),
            await FailsAsync(rdma.AddRdmaDeviceAsync(new() { RdmaDevice = "rxe0" })),
            await FailsAsync(guests.ExportBufferAsync(new() { Fd = buffer.Fd, ExpiresAfterNanoseconds = Day })),
        ];
        Assert.All(refused, e => Assert.Equal(("EPERM", "process"), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"])));
        await guests.ExportBufferAsync(new() { Fd = buffer.Fd });
        await guests.ExportBufferAsync(new() { Fd = buffer.Fd, ExpiresAfterNanoseconds = Day }, WithToken);
        await rdma.AddRdmaDeviceAsync(new() { RdmaDevice = "rxe0" }, WithToken);
        await new FaultService.FaultServiceClient(Host.Unix()).SetFailNthAsync(new() { N = 0 });
    }

    private static async Task<string> ExportAsync(OpenedProcess process)
    {
        AllocateBufferResponse buffer = await process.Client.AllocateBufferAsync(
            new() { Process = process.Handle, Heap = "system_cc_shared", Len = 4096 });
        return (await process.Client.ExportBufferAsync(
            new() { Process = process.Handle, Fd = buffer.Fd, ExpiresAfterNanoseconds = Day })).ShareToken;
    }

    private async Task<(ulong Buffers, ulong Tokens)> CountAsync()
    {
        ObjectCensus objects = (await Hosts.GetGuestAsync(new())).Guest.Objects;
        return (objects.Buffers, objects.ShareTokens);
    }
}
