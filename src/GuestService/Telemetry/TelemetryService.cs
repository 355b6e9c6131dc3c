using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace CocoGuest.Service.Telemetry;

/// <summary>
/// Sends spans and measurements to an OpenTelemetry collector while the host runs, if an endpoint is set; otherwise it does nothing at all.
/// Models: the server's own sources and those built into ASP.NET Core, Kestrel and the run time. Does not model: logs, which stay with the
/// host's logging. What else the standard <c>OTEL_</c> variables say (headers, timeouts, sampling, intervals) the SDK reads by itself.
/// </summary>
internal sealed class TelemetryService(IOptions<TelemetryOptions> options) : IHostedService, IDisposable
{
    private static readonly string[] Sources = ["Microsoft.AspNetCore", CocoTelemetry.Name];

    private static readonly string[] Meters =
        ["Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime", CocoTelemetry.Name];

    private OpenTelemetrySdk? _sdk;

    /// <summary>Whether anything is sent.</summary>
    internal bool IsActive => _sdk is not null;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        TelemetryOptions settings = options.Value;
        if (!string.IsNullOrEmpty(settings.Endpoint))
        {
            string version = typeof(TelemetryService).Assembly.GetName().Version!.ToString(3);
            _sdk = OpenTelemetrySdk.Create(builder => builder
                .ConfigureResource(resource => resource.AddService(CocoTelemetry.Name, serviceVersion: version))
                .WithTracing(tracing => tracing
                    .AddSource(Sources)
                    .AddOtlpExporter(exporter => settings.Apply(exporter, "v1/traces")))
                .WithMetrics(metrics => metrics
                    .AddMeter(Meters)
                    .AddOtlpExporter(exporter => settings.Apply(exporter, "v1/metrics"))));
        }

        return Task.CompletedTask;
    }

    /// <summary>Sends what is waiting, and blocks meanwhile.</summary>
    /// <returns>Whether the exporters got through what was waiting; true if telemetry is off.</returns>
    internal bool Flush()
    {
        bool traces = _sdk?.TracerProvider.ForceFlush() ?? true;
        bool metrics = _sdk?.MeterProvider.ForceFlush() ?? true;
        return traces && metrics;
    }

    /// <summary>Sends the rest. A collector that does not answer holds the stop up no longer than the host allows.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        OpenTelemetrySdk? sdk = Interlocked.Exchange(ref _sdk, null);
        if (sdk is not null)
        {
            await Task.Run(sdk.Dispose, CancellationToken.None).WaitAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Interlocked.Exchange(ref _sdk, null)?.Dispose();
}
