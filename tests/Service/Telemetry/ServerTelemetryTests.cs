using CocoGuest.Service.Options;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace CocoGuest.Tests.Service.Telemetry;

/// <summary>What the whole server sends to a collector, and what it does not.</summary>
public sealed class ServerTelemetryTests : ServerTest
{
    private const string Secret = "nobody may read this";

    private FakeCollector? _collector;

    public override async ValueTask InitializeAsync()
    {
        _collector = await FakeCollector.StartAsync();
        await base.InitializeAsync();
    }

    [Fact]
    public async Task Stop_AfterACall_SendsOurCountersAndOurLog()
    {
        await Host.Guests().ListHeapsAsync(new());

        await StopAsync();

        await _collector!.Metrics.WithAsync("cocoguest.calls");
        await _collector.Logs.WithAsync("Serving; {Guests} guests at start.");
        await _collector.Logs.WithAsync("Stopping: guests end, sockets go.");
    }

    [Fact]
    public async Task Logs_AtEveryLevel_AreOursAloneAndHoldNoGuestData()
    {
        GuestService.GuestServiceClient guests = Host.Guests();
        AllocateBufferResponse buffer = await guests.AllocateBufferAsync(new() { Heap = "system", Len = 4096 });
        MmapResponse map = await guests.MmapAsync(new() { Fd = buffer.Fd });
        await guests.StoreAsync(new() { Address = map.Address, Data = ByteString.CopyFromUtf8(Secret) });
        Assert.Equal(Secret, (await guests.LoadAsync(new() { Address = map.Address, Length = (uint)Secret.Length })).Data.ToStringUtf8());
        await FailsAsync(guests.StoreAsync(new() { Address = 1, Data = ByteString.CopyFromUtf8(Secret) }));
        await Assert.ThrowsAsync<RpcException>(async () =>
            await guests.StoreAsync(new() { Address = map.Address, Data = ByteString.CopyFromUtf8(new string('x', 3 << 20) + Secret) }));

        await StopAsync();

        await _collector!.Logs.WithAsync("Stopping: guests end, sockets go.");
        Assert.False(_collector.Logs.Has(Secret));
        Assert.False(_collector.Logs.Has("Microsoft."));
        Assert.False(_collector.Logs.Has("Grpc."));
        Assert.False(_collector.Traces.Has(Secret));
        Assert.False(_collector.Metrics.Has(Secret));
    }

    internal override void Configure(ServerOptions options) =>
        (options.OtlpEndpoint, options.LogLevel) = (new Uri(_collector!.GrpcEndpoint), LogLevel.Trace);

    // Everything has arrived when the server has stopped; the base class counts open sockets, so those of the collector go, too.
    private async Task StopAsync()
    {
        await Host.StopAsync();
        await _collector!.DisposeAsync();
    }
}
