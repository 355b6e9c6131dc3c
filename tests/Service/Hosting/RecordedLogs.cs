using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace CocoGuest.Tests.Service.Hosting;

/// <summary>Keeps what a server logs from warnings up, so that a test fails on what it did not expect.</summary>
internal sealed class RecordedLogs : ILoggerProvider
{
    private readonly ConcurrentQueue<(EventId Id, string Text)> _records = new();

    public IReadOnlyCollection<(EventId Id, string Text)> Records => _records;

    /// <summary>Event ids that a test provokes.</summary>
    public HashSet<int> Expected { get; } = [];

    public IEnumerable<string> Unexpected => _records
        .Where(r => !Expected.Contains(r.Id.Id))
        .Select(r => $"{r.Id.Id} {r.Id.Name}: {r.Text}");

    public ILogger CreateLogger(string categoryName) => new Recorder(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Recorder(RecordedLogs logs, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                logs._records.Enqueue((eventId, $"{category} {formatter(state, exception)} {exception}"));
            }
        }
    }
}
