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
    private readonly Task _answers;

    private FakeCollector(Task answers)
    {
        _answers = answers;
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddGrpc();
        _app = builder.Build();
        Map("trace", "TraceService", "/v1/traces", Traces);
        Map("metrics", "MetricsService", "/v1/metrics", Metrics);
        Map("logs", "LogsService", "/v1/logs", Logs);
    }

    internal Received Traces { get; } = new();

    internal Received Metrics { get; } = new();

    internal Received Logs { get; } = new();

    internal string GrpcEndpoint => _app.Urls.First();

    internal string HttpEndpoint => _app.Urls.Last();

    /// <summary>Starts a collector.</summary>
    /// <param name="answers">Done when it begins to answer; without it, it answers at once.</param>
    internal static async Task<FakeCollector> StartAsync(Task? answers = null)
    {
        var collector = new FakeCollector(answers ?? Task.CompletedTask);
        await collector._app.StartAsync();
        return collector;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private void Map(string package, string service, string path, Received bodies)
    {
        var method = new Method<byte[], byte[]>(
            MethodType.Unary, $"opentelemetry.proto.collector.{package}.v1.{service}", "Export", Raw, Raw);
        _app.MapGrpcService(ServerServiceDefinition.CreateBuilder()
            .AddMethod(method, async (body, context) =>
            {
                bodies.Add(body);
                await _answers.WaitAsync(context.CancellationToken);
                return [];
            })
            .Build());
        _app.MapPost(path, async (HttpContext context) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            bodies.Add(body.ToArray());
            await _answers.WaitAsync(context.RequestAborted);
        });
    }
}
