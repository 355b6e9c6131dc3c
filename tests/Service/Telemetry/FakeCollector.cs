using System.Text;
using System.Threading.Channels;
using CocoGuest.Tests.Service.Grpc;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CocoGuest.Tests.Service.Telemetry;

/// <summary>Takes telemetry by gRPC on one port and by HTTP on another, and keeps the bodies for tests to search.</summary>
internal sealed class FakeCollector : IAsyncDisposable
{
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(static (byte[] b) => b, static b => b);

    private readonly WebApplication _app;
    private readonly Channel<byte[]> _traces = Channel.CreateUnbounded<byte[]>();
    private readonly Channel<byte[]> _metrics = Channel.CreateUnbounded<byte[]>();

    private FakeCollector()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddGrpc();
        _app = builder.Build();
        Map("trace", "TraceService", "/v1/traces", _traces.Writer);
        Map("metrics", "MetricsService", "/v1/metrics", _metrics.Writer);
    }

    internal string GrpcEndpoint => _app.Urls.First();

    internal string HttpEndpoint => _app.Urls.Last();

    internal static async Task<FakeCollector> StartAsync()
    {
        var collector = new FakeCollector();
        await collector._app.StartAsync();
        return collector;
    }

    /// <summary>Waits for traces that hold a text.</summary>
    internal Task TracesWithAsync(string text) => WithAsync(_traces.Reader, text);

    /// <summary>Waits for measurements that hold a text.</summary>
    internal Task MetricsWithAsync(string text) => WithAsync(_metrics.Reader, text);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task WithAsync(ChannelReader<byte[]> bodies, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        using var patience = new CancellationTokenSource(KestrelHost.Patience);
        await foreach (byte[] body in bodies.ReadAllAsync(patience.Token))
        {
            if (body.AsSpan().IndexOf(bytes) >= 0)
            {
                return;
            }
        }
    }

    private void Map(string package, string service, string path, ChannelWriter<byte[]> bodies)
    {
        var method = new Method<byte[], byte[]>(
            MethodType.Unary, $"opentelemetry.proto.collector.{package}.v1.{service}", "Export", Raw, Raw);
        _app.MapGrpcService(ServerServiceDefinition.CreateBuilder()
            .AddMethod(method, async (body, context) =>
            {
                await bodies.WriteAsync(body, context.CancellationToken);
                return [];
            })
            .Build());
        _app.MapPost(path, async (HttpContext context) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            await bodies.WriteAsync(body.ToArray(), context.RequestAborted);
        });
    }
}
