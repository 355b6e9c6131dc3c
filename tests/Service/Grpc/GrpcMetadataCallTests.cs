using System.Diagnostics.CodeAnalysis;
using CocoGuest.Tests.Service.Grpc.Probing;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace CocoGuest.Tests.Service.Grpc;

/// <summary>What travels beside the messages: headers, trailers, credentials, authority; and interceptors on both sides.</summary>
public sealed class GrpcMetadataCallTests(ProbeHost host) : IClassFixture<ProbeHost>
{
    public static TheoryData<Transport> Transports => GrpcCallTests.Transports;

    [Theory, MemberData(nameof(Transports))]
    public async Task UnaryAsync_TextHeader_ComesBackAsHeaderAndTrailer(Transport transport)
    {
        using AsyncUnaryCall<ProbeReply> call = host.Client(transport).UnaryAsync(new ProbeRequest(), new Metadata { { "X-Echo-Text", "a b,c" } });
        await call;

        Assert.Equal("a b,c", (await call.ResponseHeadersAsync).GetValue("x-echo-text"));
        Assert.Equal("a b,c", call.GetTrailers().GetValue("trailer-x-echo-text"));
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task UnaryAsync_BinaryHeader_ComesBackAsHeaderAndTrailer(Transport transport)
    {
        byte[] bytes = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        using AsyncUnaryCall<ProbeReply> call = host.Client(transport).UnaryAsync(new ProbeRequest(), new Metadata { { "x-echo-bin", bytes } });
        await call;

        Assert.Equal(bytes, (await call.ResponseHeadersAsync).GetValueBytes("x-echo-bin")!);
        Assert.Equal(bytes, call.GetTrailers().GetValueBytes("trailer-x-echo-bin")!);
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task ServerStream_Headers_ArriveBeforeTheEnd(Transport transport)
    {
        var request = new ProbeRequest { Text = $"headers {transport}", Act = ProbeRequest.Types.Act.Wait };
        using AsyncServerStreamingCall<ProbeReply> call = host.Client(transport).ServerStream(request, new Metadata { { "x-echo-text", "early" } });

        Assert.Equal("early", (await call.ResponseHeadersAsync).GetValue("x-echo-text"));
    }

    [Fact]
    public async Task WithHost_Call_AsksTheInvokerForThatAuthority()
    {
        var interceptor = new RecordingInterceptor("client");
        var client = new Probe.ProbeClient(host.Host.Channel(Transport.Tcp).Intercept(interceptor));

        await client.WithHost("other.example").UnaryAsync(new ProbeRequest());

        Assert.Equal(["client AsyncUnaryCall Unary at other.example"], interceptor.Seen);
    }

    [Fact]
    public async Task UnaryAsync_OverTcp_ShowsMethodAndPeer()
    {
        CallSeen seen = (await host.Client(Transport.Tcp).UnaryAsync(new ProbeRequest())).Seen;

        Assert.Equal("/cocoguest.tests.Probe/Unary", seen.Method);
        Assert.StartsWith("ipv4:127.0.0.1:", seen.Peer, StringComparison.Ordinal);
        Assert.False(seen.Authenticated);
    }

    [Fact]
    public async Task UnaryAsync_ComposedCallCredentials_AddTheirHeadersInOrder()
    {
        Probe.ProbeClient client = host.Client(Transport.Tcp, options => options.UnsafeUseInsecureChannelCallCredentials = true);
        var credentials = CallCredentials.Compose(Adds("first"), CallCredentials.Compose(Adds("second"), Adds("third")));

        using AsyncUnaryCall<ProbeReply> call = client.UnaryAsync(new ProbeRequest(), new CallOptions(credentials: credentials));
        await call;

        Assert.Equal(
            ["first Unary", "second Unary", "third Unary"],
            (await call.ResponseHeadersAsync).GetAll("x-echo-credentials").Select(e => e.Value).SelectMany(v => v.Split(", ")));
    }

    [Fact]
    public async Task UnaryAsync_CallCredentialsOfTheChannel_AddTheirHeader()
    {
        Probe.ProbeClient client = host.Client(Transport.Tcp, options =>
        {
            options.Credentials = ChannelCredentials.Create(ChannelCredentials.Insecure, Adds("channel"));
            options.UnsafeUseInsecureChannelCallCredentials = true;
        });

        using AsyncUnaryCall<ProbeReply> call = client.UnaryAsync(new ProbeRequest());
        await call;

        Assert.Equal("channel Unary", (await call.ResponseHeadersAsync).GetValue("x-echo-credentials"));
    }

    [Fact]
    [SuppressMessage("Performance", "CA1849:Call async methods when in an async method", Justification = "The blocking call is the point.")]
    public async Task Intercept_EachKindOfCall_IsSeenByTheClientsMember()
    {
        var interceptor = new RecordingInterceptor("client");
        var client = new Probe.ProbeClient(host.Host.Channel(Transport.Tcp).Intercept(interceptor));

        _ = client.Unary(new ProbeRequest());
        await client.UnaryAsync(new ProbeRequest());
        using AsyncServerStreamingCall<ProbeReply> serverStream = client.ServerStream(new ProbeRequest());
        using AsyncClientStreamingCall<ProbeRequest, ProbeReply> clientStream = client.ClientStream();
        using AsyncDuplexStreamingCall<ProbeRequest, ProbeReply> duplex = client.Duplex();

        Assert.Equal(
            [
                "client BlockingUnaryCall Unary",
                "client AsyncUnaryCall Unary",
                "client AsyncServerStreamingCall ServerStream",
                "client AsyncClientStreamingCall ClientStream",
                "client AsyncDuplexStreamingCall Duplex",
            ],
            interceptor.Seen);
    }

    [Fact]
    public async Task Intercept_SeveralInterceptors_FirstSeesTheCallFirst()
    {
        CallInvoker invoker = host.Host.Channel(Transport.Tcp).Intercept(new RecordingInterceptor("one"), new RecordingInterceptor("two"));
        using AsyncUnaryCall<ProbeReply> call = new Probe.ProbeClient(invoker).UnaryAsync(new ProbeRequest());
        await call;

        Assert.Equal(
            ["one", "two"],
            (await call.ResponseHeadersAsync).GetAll("x-echo-interceptor").SelectMany(e => e.Value.Split(", ")));
    }

    [Fact]
    public async Task Intercept_HeaderFunction_ChangesTheHeaders()
    {
        CallInvoker invoker = host.Host.Channel(Transport.Tcp).Intercept(headers =>
        {
            headers.Add("x-echo-function", "here");
            return headers;
        });
        using AsyncUnaryCall<ProbeReply> call = new Probe.ProbeClient(invoker).UnaryAsync(new ProbeRequest());
        await call;

        Assert.Equal("here", (await call.ResponseHeadersAsync).GetValue("x-echo-function"));
    }

    [Fact]
    public async Task ServerInterceptor_Unary_IsSeen()
    {
        using AsyncUnaryCall<ProbeReply> call = host.Client(Transport.Tcp).UnaryAsync(new ProbeRequest());
        await call;

        Assert.Equal("server UnaryServerHandler /cocoguest.tests.Probe/Unary", Interceptor(call.GetTrailers()));
    }

    [Fact]
    public async Task ServerInterceptor_ServerStream_IsSeen()
    {
        using AsyncServerStreamingCall<ProbeReply> call = host.Client(Transport.Tcp).ServerStream(new ProbeRequest());
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal("server ServerStreamingServerHandler /cocoguest.tests.Probe/ServerStream", Interceptor(call.GetTrailers()));
    }

    [Fact]
    public async Task ServerInterceptor_ClientStream_IsSeen()
    {
        using AsyncClientStreamingCall<ProbeRequest, ProbeReply> call = host.Client(Transport.Tcp).ClientStream();
        await call.RequestStream.CompleteAsync();
        await call;

        Assert.Equal("server ClientStreamingServerHandler /cocoguest.tests.Probe/ClientStream", Interceptor(call.GetTrailers()));
    }

    [Fact]
    public async Task ServerInterceptor_Duplex_IsSeen()
    {
        using AsyncDuplexStreamingCall<ProbeRequest, ProbeReply> call = host.Client(Transport.Tcp).Duplex();
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal("server DuplexStreamingServerHandler /cocoguest.tests.Probe/Duplex", Interceptor(call.GetTrailers()));
    }

    private static string? Interceptor(Metadata trailers) => trailers.GetValue("x-interceptor");

    private static CallCredentials Adds(string value) => CallCredentials.FromInterceptor((context, metadata) =>
    {
        metadata.Add("x-echo-credentials", $"{value} {context.MethodName}");
        return Task.CompletedTask;
    });
}
