namespace CocoGuest.Service.Logging;

/// <summary>
/// Writes one warning or error a second of each kind, and how many more there were: most of them are about what somebody sent, and whoever
/// sends must not decide how fast a log grows. What is less severe is written as it comes: somebody asked for it.
/// </summary>
/// <param name="log">Where it is written.</param>
/// <param name="time">The clock.</param>
internal sealed class CountedLogger(ILogger log, TimeProvider time) : ILogger
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    // About a guest, which only the server's owner makes: each of them is about another.
    private static readonly string[] OfOwners = [nameof(ServiceLog.GuestTooLarge), nameof(ServiceLog.ShapeDoubtful)];

    private readonly Lock _lock = new();
    private readonly Dictionary<EventId, Kind> _kinds = [];

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => log.BeginScope(state);

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => log.IsEnabled(logLevel);

    /// <inheritdoc/>
    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel < LogLevel.Warning || OfOwners.Contains(eventId.Name) || (IsEnabled(logLevel) && IsFirst(logLevel, eventId)))
        {
            log.Log(logLevel, eventId, state, exception, formatter);
        }
    }

    private bool IsFirst(LogLevel level, EventId id)
    {
        lock (_lock)
        {
            if (!_kinds.TryGetValue(id, out Kind? kind))
            {
                _kinds.Add(id, kind = new Kind());
            }

            if (kind.Timer is not null)
            {
                kind.More++;
                return false;
            }

            kind.Timer = time.CreateTimer(_ => EndSecond(level, id, kind), null, Second, Timeout.InfiniteTimeSpan);
            return true;
        }
    }

    private void EndSecond(LogLevel level, EventId id, Kind kind)
    {
        long more;
        lock (_lock)
        {
            kind.Timer?.Dispose();
            kind.Timer = null;
            (more, kind.More) = (kind.More, 0);
        }

        string name = id.Name ?? "no name";
        if (more > 0)
        {
            // Under the id of what it counts.
            LoggerMessage.Define<long, string>(level, id, "{More} more of that kind within a second: {Kind}.")(log, more, name, null);
        }
    }

    private sealed class Kind
    {
        public ITimer? Timer { get; set; }

        public long More { get; set; }
    }
}
