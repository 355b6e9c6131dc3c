namespace CocoGuest.Service.Logging;

/// <summary>
/// Every message that the server logs. Ids are stable and never reused: 1-99 server, 100-199 connections, 200-299 processes, 300-399
/// fd broker. No message holds guest data, tokens or secrets.
/// </summary>
internal static partial class ServiceLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Serving; {Guests} guests at start.")]
    public static partial void Serving(ILogger log, int guests);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "Stopping: guests end, sockets go.")]
    public static partial void Stopping(ILogger log);

    [LoggerMessage(EventId = 3, Level = LogLevel.Warning,
        Message = "TCP listener {Endpoint} is not loopback: whoever reaches it may open processes.")]
    public static partial void OpenToNetwork(ILogger log, System.Net.IPEndPoint endpoint);

    [LoggerMessage(EventId = 4, Level = LogLevel.Error,
        Message = "poll failed with errno {Errno}: deaths by pid are no longer seen, stream ends still are.")]
    public static partial void PollFailed(ILogger log, int errno);

    [LoggerMessage(EventId = 5, Level = LogLevel.Warning,
        Message = "The collector {Collector} cannot be reached: {Reason}. Telemetry is lost until it can.")]
    public static partial void CollectorUnreachable(ILogger log, string collector, string reason);

    [LoggerMessage(EventId = 100, Level = LogLevel.Warning, Message = "Refused a connection to the Unix socket by uid {UserId}.")]
    public static partial void StrangerRefused(ILogger log, uint userId);

    [LoggerMessage(EventId = 200, Level = LogLevel.Information, Message = "Process {Pid} of guest {Guest} died: {Cause}.")]
    public static partial void ProcessDied(ILogger log, uint pid, string guest, string cause);

    [LoggerMessage(EventId = 201, Level = LogLevel.Warning,
        Message = "Process {Pid} of guest {Guest} does not read its events; its stream was ended.")]
    public static partial void EventsNotRead(ILogger log, uint pid, string guest);

    [LoggerMessage(EventId = 202, Level = LogLevel.Information, Message = "Guest {Guest} ended: {Reason}.")]
    public static partial void GuestEnded(ILogger log, string guest, string reason);

    [LoggerMessage(EventId = 300, Level = LogLevel.Warning, Message = "The fd broker turned a connection away: {Limit} are open.")]
    public static partial void BrokerFull(ILogger log, int limit);

    [LoggerMessage(EventId = 301, Level = LogLevel.Warning, Message = "A client of the fd broker does not read its frames; hung up.")]
    public static partial void BrokerClientStalled(ILogger log);

    [LoggerMessage(EventId = 302, Level = LogLevel.Warning, Message = "A client of the fd broker sent a malformed request; hung up.")]
    public static partial void BrokerRequestMalformed(ILogger log);

    [LoggerMessage(EventId = 303, Level = LogLevel.Error, Message = "A connection of the fd broker failed unexpectedly.")]
    public static partial void BrokerConnectionFailed(ILogger log, Exception exception);

    [LoggerMessage(EventId = 304, Level = LogLevel.Warning, Message = "The fd broker could not accept a connection; it goes on trying.")]
    public static partial void BrokerAcceptFailed(ILogger log, Exception exception);

    [LoggerMessage(EventId = 305, Level = LogLevel.Warning,
        Message = "A client of the fd broker did not finish what it began to say; hung up.")]
    public static partial void BrokerClientLate(ILogger log);
}
