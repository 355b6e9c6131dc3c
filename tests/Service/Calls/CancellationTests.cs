using CocoGuest.Machine;
using CocoGuest.Service.Services;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Probing;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>A call that was given up has happened as a whole or not at all.</summary>
public sealed class CancellationTests : ServerTest
{
    [Fact]
    public async Task Call_ThatWasGivenUpBeforeItBegan_DoesNothing()
    {
        using var given = new CancellationTokenSource();
        await given.CancelAsync();
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            () => Host.Part<GuestCalls>().AllocateBuffer(new() { Heap = "system", Len = 1 }, new StoppedCall(given.Token)));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
        Assert.Equal(0, Host.Part<GuestRegistry>().Find("").Value.Snapshot().Objects.Buffers);
    }

    [Fact]
    public async Task Call_WithADeadlineInThePast_IsDeadlineExceeded()
    {
        RpcException e = await FailsAsync(Host.Guests().ListHeapsAsync(new(), deadline: DateTime.UnixEpoch));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }

    [Fact]
    public async Task Call_GivenUpWhileItRuns_HappensAsAWhole()
    {
        using var given = new CancellationTokenSource();
        using IDisposable midway = OnExport(given.Cancel);

        await Host.Part<GuestCalls>().AllocateBuffer(new() { Heap = "system", Len = 1 }, new StoppedCall(given.Token));

        Assert.True(given.IsCancellationRequested);
        Assert.Equal((1u, 1u), BuffersAndFds());
    }

    [Fact]
    public async Task Call_GivenUpByItsClientWhileItRuns_HappensAsAWhole()
    {
        using var given = new CancellationTokenSource();
        using var goOn = new ManualResetEventSlim();
        var runs = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using IDisposable midway = OnExport(() =>
        {
            runs.SetResult();
            goOn.Wait(Patience);
        });
        AsyncUnaryCall<AllocateBufferResponse> call = Host.Guests().AllocateBufferAsync(
            new() { Heap = "system", Len = 1 }, cancellationToken: given.Token);
        await runs.Task.WaitAsync(Patience);

        await given.CancelAsync();
        RpcException e = await FailsAsync(call);
        goOn.Set();

        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
        Assert.Equal((1u, 1u), BuffersAndFds());
    }

    [Theory]
    [InlineData("GuestService/AllocateBuffer", true)]
    [InlineData("GuestService/AllocateBuffer", true, 0)]
    [InlineData("GuestService/AllocateBuffer", true, 0, 0, 0, 0, 9, 1)]
    [InlineData("GuestService/AllocateBuffer", false, 0, 0, 0, 0, 9, 1)]
    [InlineData("HostService/ListGuests", true, 0, 0)]
    [InlineData("HostService/ListGuests", false)]
    public async Task Call_GivenUpBeforeItsMessageWasWhole_IsNotLogged(string method, bool cancel, params int[] bytes)
    {
        using (var client = new RawHttp2(Host.Server.SocketPath))
        {
            client.Begin(1, "/cocoguest.v1." + method, "localhost");
            client.Write(1, end: false, [.. bytes.Select(b => (byte)b)]);
            client.WaitUntilRead();
            if (cancel)
            {
                client.Cancel(1);
                client.WaitUntilRead();
            }
        }

        // The end of the server waits for its calls.
        await Host.StopAsync();

        Assert.Empty(Host.Logs.Unexpected);
    }

    private Machine.Guest Guest => Host.Part<GuestRegistry>().Find("").Value;

    // In the middle of AllocateBuffer: the buffer is there, nobody knows its fd yet, and the guest's lock is held.
    private IDisposable OnExport(Action act)
    {
        Assert.Null(Guest.Trace.Set("dma_buf_export", on: true));
        return Guest.Trace.Subscribe(act);
    }

    // Takes the guest's lock, so it waits for a call that is under way.
    private (uint Buffers, uint Fds) BuffersAndFds()
    {
        Machine.ObjectCensus objects = Guest.Snapshot().Objects;
        return ((uint)objects.Buffers, (uint)objects.Fds);
    }

    private sealed class StoppedCall(CancellationToken stopped) : ServerCallContext
    {
        protected override string MethodCore => "";

        protected override string HostCore => "";

        protected override string PeerCore => "";

        protected override DateTime DeadlineCore => DateTime.MaxValue;

        protected override Metadata RequestHeadersCore => [];

        protected override CancellationToken CancellationTokenCore => stopped;

        protected override Metadata ResponseTrailersCore => [];

        protected override Status StatusCore { get; set; }

        protected override WriteOptions? WriteOptionsCore { get; set; }

        protected override AuthContext AuthContextCore => throw new NotSupportedException();

        protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
            throw new NotSupportedException();

        protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => Task.CompletedTask;
    }
}
