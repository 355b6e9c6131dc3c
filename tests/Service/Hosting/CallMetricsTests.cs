using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Hosting;

/// <summary>What the server measures of itself.</summary>
public sealed class CallMetricsTests : ServerTest
{
    [Fact]
    public async Task Calls_AreCountedByMethodAndErrno()
    {
        var counted = new ConcurrentDictionary<(string Method, string Errno), long>();
        using var listener = new MeterListener { InstrumentPublished = Enable };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            counted.AddOrUpdate(((string)Tag(tags, "rpc.method"), (string)Tag(tags, "errno")), value, (_, old) => old + value));
        listener.Start();

        GuestService.GuestServiceClient guests = Host.Guests();
        await guests.ListHeapsAsync(new());
        await guests.ListHeapsAsync(new());
        await Assert.ThrowsAsync<RpcException>(async () => await guests.ReleaseAsync(new() { Fd = 9 }));
        await Assert.ThrowsAsync<RpcException>(async () => await new HostService.HostServiceClient(Host.Tcp()).DestroyGuestAsync(new()));

        // A call is counted when the server is done with it, which may be after its client has the answer.
        Eventually(() => counted.Values.Sum() == 4);
        Assert.Equal(
            [
                ("/cocoguest.v1.GuestService/ListHeaps", "", 2),
                ("/cocoguest.v1.GuestService/Release", "EBADF", 1),
                ("/cocoguest.v1.HostService/DestroyGuest", "EPERM", 1),
            ],
            counted.Select(c => (c.Key.Method, c.Key.Errno, c.Value)).Order());
    }

    [Fact]
    public async Task Gauges_TellWhatLives()
    {
        await Host.Guests().AllocateBufferAsync(new() { Heap = "system", Len = 1 });
        var seen = new ConcurrentDictionary<string, long>();
        using var listener = new MeterListener { InstrumentPublished = Enable };
        listener.SetMeasurementEventCallback<long>((i, value, _, _) => seen[i.Name] = value);
        listener.SetMeasurementEventCallback<int>((i, value, _, _) => seen[i.Name] = value);
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.Equal(
            (1, 1, 0, 0),
            (seen["cocoguest.guests"], seen["cocoguest.buffers"], seen["cocoguest.processes"], seen["cocoguest.fd_tokens"]));
    }

    private static void Enable(Instrument instrument, MeterListener listener)
    {
        if (instrument.Meter.Name == "CocoGuest")
        {
            listener.EnableMeasurementEvents(instrument);
        }
    }

    private static object Tag(ReadOnlySpan<KeyValuePair<string, object?>> tags, string name)
    {
        foreach (KeyValuePair<string, object?> tag in tags)
        {
            if (tag.Key == name)
            {
                return tag.Value!;
            }
        }

        throw new InvalidOperationException($"No tag {name}.");
    }
}
