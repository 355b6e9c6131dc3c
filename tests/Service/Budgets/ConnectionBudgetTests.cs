using System.Net.Sockets;
using CocoGuest.Service.Budgets;
using CocoGuest.Service.Options;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Processes;
using CocoGuest.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace CocoGuest.Tests.Service.Budgets;

/// <summary>Connections have a budget: idle ones give way, busy ones are not harmed, and whoever finds no room is told so.</summary>
public sealed class ConnectionBudgetTests : ServerTest
{
    private const int Most = 8;
    private const int MostOverTcp = 6;

    private ConnectionBudget Budget => Host.Part<ConnectionBudget>();

    internal override void Configure(ServerOptions options) => options.MaxConnections = Most;

    [Fact]
    public async Task IdleConnections_BeyondTheBudget_KeepNobodyOut()
    {
        GuestService.GuestServiceClient owner = Host.Guests();
        await owner.ListHeapsAsync(new());
        List<Socket> idle = [];
        try
        {
            for (int i = 0; i < 5 * Most; i++)
            {
                idle.Add(await ConnectAsync());
                await owner.ListHeapsAsync(new());
            }

            await new GuestService.GuestServiceClient(Host.Tcp()).ListHeapsAsync(new());
            Eventually(() => Budget.TurnedAway >= (5 * Most) + 1 - MostOverTcp);
            Assert.InRange(Budget.Open, 1, Most);
        }
        finally
        {
            idle.ForEach(i => i.Dispose());
        }

        Eventually(() => Budget.Open <= 2);
    }

    [Fact]
    public async Task Newcomer_WhereAllConnectionsAreBusy_IsToldAndOthersNoticeNothing()
    {
        List<OpenedProcess> busy = [];
        try
        {
            for (int i = 0; i < MostOverTcp; i++)
            {
                busy.Add(await OpenedProcess.StartAsync(Host.Tcp()));
            }

            RpcException e = await FailsAsync(new GuestService.GuestServiceClient(Host.Tcp()).ListHeapsAsync(new()));
            Assert.Equal((StatusCode.ResourceExhausted, "EMFILE"), (e.StatusCode, Failures.InfoOf(e).Reason));
            Assert.All(busy, b => Assert.NotNull(b.Client.ListHeaps(new())));
            await Host.Guests().ListHeapsAsync(new());
            busy[0].Dispose();
            busy.RemoveAt(0);
            Eventually(() => IsServed());
        }
        finally
        {
            busy.ForEach(b => b.Dispose());
        }
    }

    // The place is free when the connection before has ended, which its client does not hear.
    private bool IsServed()
    {
        using GrpcChannel newcomer = Host.Tcp();
        try
        {
            _ = new GuestService.GuestServiceClient(newcomer).ListHeaps(new());
            return true;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
        {
            return false;
        }
    }

    [Fact]
    public async Task UnixConnections_BeyondTheBudget_AreToldAndTheirOwnLiveOn()
    {
        List<OpenedProcess> busy = [];
        try
        {
            for (int i = 0; i < Most; i++)
            {
                busy.Add(await OpenedProcess.StartAsync(Host.Unix()));
            }

            RpcException e = await FailsAsync(Host.Guests().ListHeapsAsync(new()));
            Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
            Assert.All(busy, b => Assert.NotNull(b.Client.ListHeaps(new())));
        }
        finally
        {
            busy.ForEach(b => b.Dispose());
        }
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", Host.Server.TcpAddress!.Port);
        return socket;
    }
}
