using CocoGuest.Tests.Service.Grpc.Probing;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Grpc;

/// <summary>The official client calls the official server, both on the two API assemblies: the kinds of calls and how they end.</summary>
public sealed class GrpcCallTests(ProbeHost host) : IClassFixture<ProbeHost>
{
    public static TheoryData<Transport> Transports => [Transport.Tcp, Transport.UnixSocket];

    [Theory, MemberData(nameof(Transports))]
    public async Task UnaryAsync_Echo_GivesTheReply(Transport transport)
    {
        using AsyncUnaryCall<ProbeReply> call = host.Client(transport).UnaryAsync(new ProbeRequest { Text = "a" });

        Assert.Equal("a", (await call).Text);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Theory, MemberData(nameof(Transports))]
    public void Unary_Blocking_GivesTheReply(Transport transport) =>
        Assert.Equal("b", host.Client(transport).Unary(new ProbeRequest { Text = "b" }).Text);

    [Theory, MemberData(nameof(Transports))]
    public async Task UnaryAsync_LargeMessage_ComesBackWhole(Transport transport)
    {
        byte[] data = new byte[16 << 20];
        for (int i = 0; i < data.Length; i++)
        {
            data[i] = (byte)(i * 7 >> 3);
        }

        Probe.ProbeClient client = host.Client(transport, options => options.MaxReceiveMessageSize = 32 << 20);

        ProbeReply reply = await client.UnaryAsync(new ProbeRequest { Data = UnsafeByteOperations.UnsafeWrap(data) });

        Assert.True(reply.Data.Span.SequenceEqual(data));
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task ServerStream_ReadAll_GivesEachResponseInOrder(Transport transport)
    {
        using AsyncServerStreamingCall<ProbeReply> call = host.Client(transport).ServerStream(new ProbeRequest { Count = 100 });

        Assert.Equal(Enumerable.Range(0, 100), await call.ResponseStream.ReadAllAsync().Select(r => r.Index).ToListAsync());
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task ClientStream_ManyRequests_AreReadInOrder(Transport transport)
    {
        using AsyncClientStreamingCall<ProbeRequest, ProbeReply> call = host.Client(transport).ClientStream();
        foreach (string? text in new[] { "x", "y", "z" })
        {
            await call.RequestStream.WriteAsync(new ProbeRequest { Text = text });
        }

        await call.RequestStream.CompleteAsync();

        Assert.Equal(new ProbeReply { Text = "xyz", Index = 3 }, await call);
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task Duplex_RequestAfterResponse_PingsAndPongs(Transport transport)
    {
        using AsyncDuplexStreamingCall<ProbeRequest, ProbeReply> call = host.Client(transport).Duplex();
        for (int i = 0; i < 10; i++)
        {
            await call.RequestStream.WriteAsync(new ProbeRequest { Text = "ping" }, CancellationToken.None);
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
            Assert.Equal(i, call.ResponseStream.Current.Index);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task UnaryAsync_DeadlinePasses_IsDeadlineExceeded(Transport transport)
    {
        DateTime deadline = TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(100);

        RpcException error = await Assert.ThrowsAsync<RpcException>(async () =>
            await host.Client(transport).UnaryAsync(Waits(transport, "deadline"), deadline: deadline));

        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task UnaryAsync_Deadline_IsSeenByTheHandler(Transport transport)
    {
        DateTime deadline = TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(1);

        ProbeReply reply = await host.Client(transport).UnaryAsync(new ProbeRequest(), deadline: deadline);

        Assert.InRange(new DateTime(reply.Seen.DeadlineTicks, DateTimeKind.Utc), deadline.AddMinutes(-30), deadline.AddMinutes(30));
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task UnaryAsync_NoDeadline_IsMaxValueForTheHandler(Transport transport) =>
        Assert.Equal(DateTime.MaxValue.Ticks, (await host.Client(transport).UnaryAsync(new ProbeRequest())).Seen.DeadlineTicks);

    [Theory, MemberData(nameof(Transports))]
    public async Task UnaryAsync_TokenCancelled_CancelsTheHandler(Transport transport)
    {
        ProbeRequest request = Waits(transport, "cancel");
        using var source = new CancellationTokenSource();
        using AsyncUnaryCall<ProbeReply> call = host.Client(transport).UnaryAsync(request, cancellationToken: source.Token);
        await host.Service.Waiting(request.Text).Begun;

        await source.CancelAsync();

        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        await host.Service.Waiting(request.Text).Cancelled;
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task ServerStream_CallDisposed_CancelsTheHandler(Transport transport)
    {
        ProbeRequest request = Waits(transport, "dispose");
        request.Count = 2;
        AsyncServerStreamingCall<ProbeReply> call = host.Client(transport).ServerStream(request);
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        await host.Service.Waiting(request.Text).Begun;

        call.Dispose();

        await host.Service.Waiting(request.Text).Cancelled;
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task ServerStream_TokenCancelledInTheMiddle_EndsTheRead(Transport transport)
    {
        ProbeRequest request = Waits(transport, "middle");
        request.Count = 1;
        using var source = new CancellationTokenSource();
        using AsyncServerStreamingCall<ProbeReply> call = host.Client(transport).ServerStream(request, cancellationToken: source.Token);
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        Task<bool> next = call.ResponseStream.MoveNext(CancellationToken.None);

        await source.CancelAsync();

        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => next)).StatusCode);
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task UnaryAsync_HandlerFails_GivesCodeAndDetail(Transport transport)
    {
        RpcException error = await FailAsync(transport);

        Assert.Equal((StatusCode.ResourceExhausted, ProbeService.FailureDetail), (error.StatusCode, error.Status.Detail));
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task UnaryAsync_HandlerFails_GivesItsTrailers(Transport transport)
    {
        RpcException error = await FailAsync(transport);

        Assert.Equal("ENOMEM", error.Trailers.GetValue("errno"));
        Assert.Equal([12, 0, 255], error.Trailers.GetValueBytes("Errno-Bin")!);
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task UnaryAsync_HandlerThrows_IsUnknownWithoutTheMessage(Transport transport)
    {
        RpcException error = await Assert.ThrowsAsync<RpcException>(async () =>
            await host.Client(transport).UnaryAsync(new ProbeRequest { Act = ProbeRequest.Types.Act.Throw }));

        Assert.Equal(StatusCode.Unknown, error.StatusCode);
        Assert.DoesNotContain("not for the other side", error.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task Duplex_HandlerThrows_EndsTheResponses(Transport transport)
    {
        using AsyncDuplexStreamingCall<ProbeRequest, ProbeReply> call = host.Client(transport).Duplex();
        await call.RequestStream.WriteAsync(new ProbeRequest { Act = ProbeRequest.Types.Act.Throw });

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal(StatusCode.Unknown, error.StatusCode);
    }

    [Fact]
    public async Task UnaryAsync_WaitForReady_IsAnswered() =>
        Assert.Equal("w", (await host.Client(Transport.Tcp).UnaryAsync(
            new ProbeRequest { Text = "w" }, new CallOptions().WithWaitForReady())).Text);

    [Fact]
    public async Task UnaryAsync_ServiceBoundByDefinition_IsAnswered()
    {
        var client = new Bound.BoundClient(host.Host.Channel(Transport.Tcp));

        Assert.Equal("bound a", (await client.UnaryAsync(new ProbeRequest { Text = "a" })).Text);
    }

    private async Task<RpcException> FailAsync(Transport transport) => await Assert.ThrowsAsync<RpcException>(async () =>
        await host.Client(transport).UnaryAsync(new ProbeRequest { Act = ProbeRequest.Types.Act.Fail }));

    private static ProbeRequest Waits(Transport transport, string text) =>
        new() { Text = $"{text} {transport}", Act = ProbeRequest.Types.Act.Wait };
}
