using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace CocoGuest.Service.Telemetry;

/// <summary>
/// <c>/metrics</c> for Prometheus, over plain HTTP on a listener of its own. A connection is marked where it comes in: what came in there
/// never reaches gRPC, and what came in elsewhere never reaches this.
/// </summary>
internal sealed class MetricsPort
{
    /// <summary>Where Prometheus looks by default.</summary>
    internal const string Path = "/metrics";

    private static readonly MetricsPort Mark = new();

    /// <summary>Makes a listener the one for Prometheus.</summary>
    internal static void Listen(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http1;
        listen.Use(next => connection =>
        {
            connection.Features.Set(Mark);
            return next(connection);
        });
    }

    /// <summary>Answers requests of that listener: <see cref="Path"/>, and 404 for all others.</summary>
    internal static void Use(IApplicationBuilder app) => app.MapWhen(
        http => http.Features.Get<MetricsPort>() is not null,
        port => port.UseOpenTelemetryPrometheusScrapingEndpoint(Path));
}
