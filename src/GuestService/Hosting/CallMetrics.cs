using System.Diagnostics;
using System.Diagnostics.Metrics;
using CocoGuest.Machine;
using CocoGuest.Service.Access;
using CocoGuest.Service.Budgets;
using CocoGuest.Service.Processes;
using CocoGuest.Service.Telemetry;
using CocoGuest.V1;
using Google.Rpc;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace CocoGuest.Service.Hosting;

/// <summary>
/// The server's measurements: calls by method and errno, and how many guests, processes, buffers and tokens live. Their number of series
/// is fixed by the API, whatever clients do. While nobody listens, a call costs one comparison more.
/// </summary>
internal sealed class CallMetrics : IDisposable
{
    // Its gauges end with the server.
    private readonly Meter _meter = new(TelemetryParts.Name);
    private readonly Counter<long> _calls;
    private readonly AccessTable _methods;

    /// <summary>Instruments over a server's parts.</summary>
    public CallMetrics(GuestRegistry host, ProcessSessions sessions, FdTokenTable tokens, AccessTable methods, ConnectionBudget connections,
        AnswerRoom answers, CallBudget budget)
    {
        _methods = methods;
        _calls = _meter.CreateCounter<long>("cocoguest.calls", "{call}", "Calls that ended, by method and errno ('' for success).");
        _meter.CreateObservableGauge("cocoguest.guests", () => host.List().Count, "{guest}", "Live guests.");
        _meter.CreateObservableGauge("cocoguest.processes", () => sessions.Count, "{process}", "Live processes, without inits.");
        _meter.CreateObservableGauge("cocoguest.buffers", () => Live(host), "{buffer}", "Live dma-bufs of all guests.");
        _meter.CreateObservableGauge("cocoguest.fd_tokens", () => tokens.Count, "{token}", "fd tokens that were not redeemed.");
        _meter.CreateObservableGauge("cocoguest.connections", () => connections.Open, "{connection}", "gRPC connections.");
        _meter.CreateObservableGauge("cocoguest.answers", () => answers.InUse, "{answer}", "Long answers that have not left yet.");
        _meter.CreateObservableCounter("cocoguest.refused", () => new Measurement<long>[]
        {
            new(connections.TurnedAway, new KeyValuePair<string, object?>("for", "connections")),
            new(answers.Stalled, new KeyValuePair<string, object?>("for", "unread answers")),
            new(budget.Reset, new KeyValuePair<string, object?>("for", "resets")),
        }, "{connection}", "Connections that were refused or ended by a budget.");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    /// <summary>Counts calls, outside of everything else.</summary>
    public void Use(IApplicationBuilder app) =>
        app.Use(next => http => _calls.Enabled ? CountAsync(next, http) : next(http));

    private async Task CountAsync(RequestDelegate next, HttpContext http)
    {
        await next(http);
        string path = http.Request.Path.Value ?? "";
        var tags = new TagList
        {
            { "rpc.method", _methods.RightOf(path) == Right.Unspecified ? "unknown" : path },
            { "errno", ErrnoOf(http) },
        };
        _calls.Add(1, tags);
    }

    private static string ErrnoOf(HttpContext http)
    {
        string? details = http.Features.Get<IHttpResponseTrailersFeature>()?.Trailers[MetadataExtensions.StatusDetailsTrailerName];
        details = string.IsNullOrEmpty(details) ? http.Response.Headers[MetadataExtensions.StatusDetailsTrailerName] : details;
        if (string.IsNullOrEmpty(details))
        {
            return "";
        }

        byte[] bytes = Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '='));
        return Google.Rpc.Status.Parser.ParseFrom(bytes).GetDetail<ErrorInfo>()!.Reason;
    }

    private static long Live(GuestRegistry host) => host.List().Sum(g => (long)g.Snapshot().Objects.Buffers);
}
