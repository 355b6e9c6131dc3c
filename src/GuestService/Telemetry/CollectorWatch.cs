using System.Net.Sockets;
using CocoGuest.Service.Logging;

namespace CocoGuest.Service.Telemetry;

/// <summary>
/// One warning for a collector that nobody runs: OpenTelemetry's exporters go on trying and say nothing. It is looked for once, when the
/// server starts, without holding the start up; one that goes away later is not noticed.
/// </summary>
internal sealed class CollectorWatch(ILogger<CollectorWatch> log, Uri collector) : BackgroundService
{
    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(collector.DnsSafeHost, collector.Port, stoppingToken);
        }
        catch (SocketException e)
        {
            ServiceLog.CollectorUnreachable(log, collector.Authority, e.Message);
        }
    }
}
