namespace CocoGuest.Service.Logging;

/// <summary>
/// Every message that the server logs. Ids are stable and never reused: 1-99 server, 100-199 connections, 200-299 processes, 300-399
/// fd broker. No message holds guest data, names that clients chose for processes and programs, tokens or secrets. docs/operations.md lists
/// them, and a test keeps it so.
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

    [LoggerMessage(EventId = 6, Level = LogLevel.Critical, Message = "The server cannot start: {Reason}")]
    public static partial void NotStarted(ILogger log, string reason);

    [LoggerMessage(EventId = 7, Level = LogLevel.Warning,
        Message = "Guest {Guest} has {MemoryMiB} MiB of RAM, and {Whose} allows {LimitMiB} MiB: if programs fill more than that, the "
            + "kernel kills the server. Pages that nobody wrote cost nothing (docs/operations.md, who pays for memory).")]
    public static partial void GuestTooLarge(ILogger log, string guest, ulong memoryMiB, ulong limitMiB, string whose);

    [LoggerMessage(EventId = 8, Level = LogLevel.Warning, Message = "Guest {Guest}: {Sentence}")]
    public static partial void ShapeDoubtful(ILogger log, string guest, string sentence);

    [LoggerMessage(EventId = 100, Level = LogLevel.Warning, Message = "Refused a connection to the Unix socket by uid {UserId}.")]
    public static partial void StrangerRefused(ILogger log, uint userId);

    [LoggerMessage(EventId = 200, Level = LogLevel.Information, Message = "Process {Pid} of guest {Guest} died: {Cause}.")]
    public static partial void ProcessDied(ILogger log, uint pid, string guest, string cause);

    [LoggerMessage(EventId = 201, Level = LogLevel.Warning,
        Message = "Process {Pid} of guest {Guest} does not read its events; its stream was ended.")]
    public static partial void EventsNotRead(ILogger log, uint pid, string guest);

    [LoggerMessage(EventId = 202, Level = LogLevel.Information, Message = "Guest {Guest} ended: {Reason}.")]
    public static partial void GuestEnded(ILogger log, string guest, string reason);

    [LoggerMessage(EventId = 203, Level = LogLevel.Information,
        Message = "Guest {Guest} was created: platform {Platform}, kernel {Kernel}, {MemoryMiB} MiB.")]
    public static partial void GuestCreated(ILogger log, string guest, string platform, string kernel, ulong memoryMiB);

    [LoggerMessage(EventId = 204, Level = LogLevel.Information, Message = "Process {Pid} of guest {Guest} was opened by {Caller}.")]
    public static partial void ProcessOpened(ILogger log, uint pid, string guest, string caller);

    [LoggerMessage(EventId = 205, Level = LogLevel.Information, Message = "Process {Pid} of guest {Guest} was forked by process {Parent}.")]
    public static partial void ProcessForked(ILogger log, uint pid, string guest, uint parent);

    [LoggerMessage(EventId = 206, Level = LogLevel.Information, Message = "Process {Pid} of guest {Guest} exited.")]
    public static partial void ProcessExited(ILogger log, uint pid, string guest);

    [LoggerMessage(EventId = 207, Level = LogLevel.Information, Message = "A program of host process {HostPid} runs in guest {Guest}.")]
    public static partial void ProgramBegan(ILogger log, int hostPid, string guest);

    [LoggerMessage(EventId = 208, Level = LogLevel.Information,
        Message = "The program of host process {HostPid} in guest {Guest} ended with status {ExitStatus}.")]
    public static partial void ProgramEnded(ILogger log, int hostPid, string guest, int exitStatus);

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
