using CocoGuest.Machine;
using CocoGuest.Service.Services;
using CocoGuest.Tests.Service.Hosting;
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
    public async Task CallsThatRaceTheirCancellation_LeaveAFdForEachBufferAndNoOther()
    {
        GuestService.GuestServiceClient guests = Host.Guests();
        for (int i = 0; i < 50; i++)
        {
            using var given = new CancellationTokenSource();
            AsyncUnaryCall<AllocateBufferResponse> call = guests.AllocateBufferAsync(
                new() { Heap = "system", Len = 1 }, cancellationToken: given.Token);
            await given.CancelAsync();
            try
            {
                await call;
            }
            catch (RpcException e)
            {
                Assert.Equal(StatusCode.Cancelled, e.StatusCode);
            }
        }

        Machine.ObjectCensus objects = Host.Part<GuestRegistry>().Find("").Value.Snapshot().Objects;
        Assert.Equal(objects.Fds, objects.Buffers);
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
