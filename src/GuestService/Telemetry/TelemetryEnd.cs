using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace CocoGuest.Service.Telemetry;

/// <summary>
/// Sends the rest when the host stops, and no longer than the host allows. By itself the package does so when it is disposed of, one signal
/// after the other, and a collector that takes a connection and never answers holds each of them up for five seconds.
/// </summary>
internal sealed class TelemetryEnd(TracerProvider traces, MeterProvider metrics, LoggerProvider logs) : IHostedService
{
    // The host's own time for all of its stop is two seconds.
    private const int Milliseconds = 1500;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.WhenAll(
        OnItsOwnThread(() => traces.Shutdown(Milliseconds)),
        OnItsOwnThread(() => metrics.Shutdown(Milliseconds)),
        OnItsOwnThread(() => logs.Shutdown(Milliseconds)));

    // They block, and what they wait for needs threads of the pool, which has two on a small machine.
    private static Task OnItsOwnThread(Action act) =>
        Task.Factory.StartNew(act, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
