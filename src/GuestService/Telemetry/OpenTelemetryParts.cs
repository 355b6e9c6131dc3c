using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace CocoGuest.Service.Telemetry;

/// <summary>
/// OpenTelemetry in the server: its spans and measurements, those of ASP.NET Core, Kestrel, the runtime and the process, and the server's
/// own log records. What else the standard variables say (headers, timeouts, sampling, intervals) the libraries read by themselves.
/// </summary>
internal static class OpenTelemetryParts
{
    // Log categories are names of types: these are ours, whose messages hold no guest data (ServiceLog). What libraries log stays on
    // stderr: nobody can vouch for the text of their exceptions.
    private const string OwnCategories = nameof(CocoGuest);

    /// <summary>Adds OpenTelemetry.</summary>
    /// <param name="builder">The server to be.</param>
    /// <param name="standard">The standard variables, with the collector's address.</param>
    /// <param name="collector">Where everything goes by OTLP; null: nowhere.</param>
    /// <param name="prometheus">Measurements are kept for Prometheus to fetch.</param>
    internal static void Add(WebApplicationBuilder builder, Dictionary<string, string?> standard, Uri? collector, bool prometheus)
    {
        // The host was made without any configuration, and the libraries look there only.
        builder.Configuration.AddInMemoryCollection(standard);
        OpenTelemetryBuilder telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource
                .AddService(TelemetryParts.Name, serviceVersion: typeof(TelemetryParts).Assembly.GetName().Version!.ToString(3))
                .AddEnvironmentVariableDetector())
            .WithMetrics(metrics => AddMetrics(metrics, prometheus));
        if (collector is not null)
        {
            telemetry.WithTracing(tracing => tracing.AddAspNetCoreInstrumentation()).WithLogging().UseOtlpExporter();
            builder.Logging
                .AddFilter<OpenTelemetryLoggerProvider>(null, LogLevel.None)
                .AddFilter<OpenTelemetryLoggerProvider>(OwnCategories, LogLevel.Trace);
            builder.Services.AddHostedService(parts => new CollectorWatch(parts.GetRequiredService<ILogger<CollectorWatch>>(), collector));
            builder.Services.AddHostedService<TelemetryEnd>();
        }
    }

    private static void AddMetrics(MeterProviderBuilder metrics, bool prometheus)
    {
        metrics.AddMeter(TelemetryParts.Name).AddAspNetCoreInstrumentation().AddRuntimeInstrumentation().AddProcessInstrumentation();
        if (prometheus)
        {
            metrics.AddPrometheusExporter();
        }
    }
}
