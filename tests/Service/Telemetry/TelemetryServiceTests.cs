using CocoGuest.Service.Health;
using CocoGuest.Service.Telemetry;
using CocoGuest.Tests.Service.Grpc;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using HealthV1 = Grpc.Health.V1.Health;

namespace CocoGuest.Tests.Service.Telemetry;

public sealed class TelemetryServiceTests : IAsyncLifetime
{
    private FakeCollector? _collector;

    public async ValueTask InitializeAsync() => _collector = await FakeCollector.StartAsync();

    public async ValueTask DisposeAsync() => await _collector!.DisposeAsync();

    [Theory]
    [InlineData("grpc")]
    [InlineData("http/protobuf")]
    public async Task Stop_AfterACall_SendsItsSpanAndItsDuration(string protocol)
    {
        string endpoint = protocol == "grpc" ? _collector!.GrpcEndpoint : _collector!.HttpEndpoint;

        await CallAsync(builder => builder.Services.AddCocoTelemetry(options =>
            (options.Endpoint, options.Protocol) = (endpoint, protocol)));

        await _collector.TracesWithAsync("/grpc.health.v1.Health/Check");
        await _collector.MetricsWithAsync("http.server.request.duration");
    }

    [Fact]
    public async Task Stop_EndpointByTheStandardKeys_SendsThere()
    {
        await CallAsync(builder =>
        {
            builder.Configuration[TelemetryOptions.EndpointKey] = _collector!.HttpEndpoint + "/";
            builder.Configuration[TelemetryOptions.ProtocolKey] = "http/protobuf";
            builder.Services.AddCocoTelemetry();
        });

        await _collector!.TracesWithAsync("/grpc.health.v1.Health/Check");
    }

    [Fact]
    public async Task Stop_EndpointByOptionAndKey_SendsToTheOptions()
    {
        await CallAsync(builder =>
        {
            builder.Configuration[TelemetryOptions.EndpointKey] = "http://127.0.0.1:1";
            builder.Services.AddCocoTelemetry(options => options.Endpoint = _collector!.GrpcEndpoint);
        });

        await _collector!.TracesWithAsync("/grpc.health.v1.Health/Check");
    }

    [Theory]
    [InlineData("kestrel.connection.duration")]
    [InlineData("dotnet.gc.collections")]
    public async Task Stop_BuiltInMeters_AreSent(string instrument)
    {
        await CallAsync(builder => builder.Services.AddCocoTelemetry(options => options.Endpoint = _collector!.GrpcEndpoint));

        await _collector!.MetricsWithAsync(instrument);
    }

    [Fact]
    public async Task Flush_OwnSpanAndCounter_AreSent()
    {
        await using KestrelHost host = await StartAsync(builder => builder.Services.AddCocoTelemetry(
            options => options.Endpoint = _collector!.GrpcEndpoint));
        CocoTelemetry.Source.StartActivity("own span")!.Dispose();
        CocoTelemetry.Meter.CreateCounter<int>("own.counter").Add(1);

        Assert.True(host.Services.GetRequiredService<TelemetryService>().Flush());

        await _collector!.TracesWithAsync("own span");
        await _collector!.MetricsWithAsync("own.counter");
    }

    [Fact]
    public async Task Start_NoEndpoint_IsInactive()
    {
        await using KestrelHost host = await StartAsync(builder => builder.Services.AddCocoTelemetry());

        Assert.False(host.Services.GetRequiredService<TelemetryService>().IsActive);
    }

    [Theory]
    [InlineData("collector:4317", "grpc", "'collector:4317'")]
    [InlineData("http://collector", "json", "'json'")]
    public async Task Start_WrongOption_FailsAndNamesIt(string endpoint, string protocol, string named)
    {
        OptionsValidationException error = await Assert.ThrowsAsync<OptionsValidationException>(() => StartAsync(builder =>
            builder.Services.AddCocoTelemetry(options => (options.Endpoint, options.Protocol) = (endpoint, protocol))));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    private static Task<KestrelHost> StartAsync(Action<WebApplicationBuilder> configure) => KestrelHost.StartAsync(
        builder =>
        {
            builder.Services.AddGrpc();
            builder.Services.AddCocoHealth();
            configure(builder);
        },
        app => app.MapCocoHealth());

    /// <summary>Runs a server for one call; its stop sends what the call left.</summary>
    private static async Task CallAsync(Action<WebApplicationBuilder> configure)
    {
        await using KestrelHost host = await StartAsync(configure);
        _ = await new HealthV1.HealthClient(host.Channel(Transport.Tcp)).CheckAsync(new HealthCheckRequest());
    }
}
