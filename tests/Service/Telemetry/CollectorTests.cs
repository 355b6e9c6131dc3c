using System.Collections;
using CocoGuest.Service.Options;
using CocoGuest.Service.Starting;
using CocoGuest.Service.Telemetry;
using CocoGuest.Tests.Service.Probing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace CocoGuest.Tests.Service.Telemetry;

/// <summary>What <see cref="TelemetryParts"/> makes of options and standard variables, seen by a collector.</summary>
public sealed class CollectorTests : IAsyncLifetime
{
    private const string EndpointKey = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string ProtocolKey = "OTEL_EXPORTER_OTLP_PROTOCOL";

    private FakeCollector? _collector;

    public async ValueTask InitializeAsync() => _collector = await FakeCollector.StartAsync();

    public async ValueTask DisposeAsync() => await _collector!.DisposeAsync();

    [Theory]
    [InlineData("grpc")]
    [InlineData("http/protobuf")]
    public async Task Stop_AfterACall_SendsItsSpanAndItsDuration(string protocol)
    {
        string endpoint = protocol == "grpc" ? _collector!.GrpcEndpoint : _collector!.HttpEndpoint;

        await CallAsync(new ServerOptions { OtlpEndpoint = new Uri(endpoint) }, (ProtocolKey, protocol));

        await _collector.Traces.WithAsync("/cocoguest.tests.Probe/Unary");
        await _collector.Metrics.WithAsync("http.server.request.duration");
    }

    [Fact]
    public async Task Stop_EndpointByTheStandardVariables_SendsThere()
    {
        var variables = new Hashtable { [EndpointKey] = _collector!.HttpEndpoint + "/" };

        await CallAsync(OptionsReader.Read([], variables).Options, (ProtocolKey, "http/protobuf"));

        await _collector.Traces.WithAsync("/cocoguest.tests.Probe/Unary");
    }

    [Fact]
    public async Task Stop_EndpointByOptionAndVariable_SendsToTheOptions()
    {
        await CallAsync(new ServerOptions { OtlpEndpoint = new Uri(_collector!.GrpcEndpoint) }, (EndpointKey, "http://127.0.0.1:1"));

        await _collector!.Traces.WithAsync("/cocoguest.tests.Probe/Unary");
    }

    [Fact]
    public async Task Stop_ResourceByTheStandardVariables_IsSent()
    {
        await CallAsync(
            new ServerOptions { OtlpEndpoint = new Uri(_collector!.GrpcEndpoint) },
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=lab"));

        await _collector!.Traces.WithAsync("deployment.environment");
    }

    [Theory]
    [InlineData("kestrel.connection.duration")]
    [InlineData("dotnet.gc.collections")]
    [InlineData("process.cpu.time")]
    public async Task Stop_MetersOfOthers_AreSent(string instrument)
    {
        await CallAsync(new ServerOptions { OtlpEndpoint = new Uri(_collector!.GrpcEndpoint) });

        await _collector!.Metrics.WithAsync(instrument);
    }

    [Fact]
    public async Task Stop_CollectorThatNeverAnswers_EndsBeforeItsAnswer()
    {
        var answers = new TaskCompletionSource();
        await using FakeCollector silent = await FakeCollector.StartAsync(answers.Task);

        await CallAsync(new ServerOptions { OtlpEndpoint = new Uri(silent.GrpcEndpoint) });

        await silent.Traces.WithAsync("/cocoguest.tests.Probe/Unary");
        Assert.False(answers.Task.IsCompleted);
        answers.SetResult();
    }

    [Fact]
    public async Task Start_WithoutCollectorAndPort_AddsNothing()
    {
        await using KestrelHost host = await StartAsync(new ServerOptions());

        Assert.Null(host.Services.GetService<TracerProvider>());
        Assert.Null(host.Services.GetService<MeterProvider>());
    }

    [Theory]
    [InlineData("json", "'json'")]
    [InlineData("http/json", "'http/json'")]
    public async Task Start_WrongProtocol_FailsAndNamesIt(string protocol, string named)
    {
        StartupException error = await Assert.ThrowsAsync<StartupException>(() =>
            StartAsync(new ServerOptions { OtlpEndpoint = new Uri("http://collector") }, (ProtocolKey, protocol)));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    private static Task<KestrelHost> StartAsync(ServerOptions options, params (string Key, string Value)[] environment) =>
        KestrelHost.StartAsync(
            builder =>
            {
                builder.Services.AddGrpc();
                builder.Services.AddSingleton<ProbeService>();
                builder.AddTelemetry(options, new Hashtable(environment.ToDictionary(v => v.Key, v => v.Value)));
            },
            app => app.MapGrpcService<ProbeService>());

    /// <summary>Runs a server for one call; its stop sends what the call left.</summary>
    private static async Task CallAsync(ServerOptions options, params (string Key, string Value)[] environment)
    {
        await using KestrelHost host = await StartAsync(options, environment);
        _ = await new Probe.ProbeClient(host.Channel(Transport.Tcp)).UnaryAsync(new ProbeRequest());
    }
}
