using Microsoft.AspNetCore.Connections;

namespace CocoGuest.Service.Logging;

/// <summary>
/// Logs as everybody's, but a call that ended because its client gave it up is written at level Debug. The gRPC library takes the broken
/// read of its message for an error of the service, with a stack trace. All are counted (<see cref="CountedLogger"/>).
/// </summary>
internal sealed class QuietCancels(ILoggerFactory loggers, TimeProvider time) : ILoggerFactory
{
    /// <summary>Category of the library's records about failed calls.</summary>
    internal const string Category = "Grpc.AspNetCore.Server.ServerCallHandler";

    private const string ResetByClient = "The client reset the request stream.";

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName)
    {
        var counted = new CountedLogger(loggers.CreateLogger(categoryName), time);
        return categoryName == Category ? new Quiet(counted) : counted;
    }

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => loggers.AddProvider(provider);

    /// <inheritdoc/>
    public void Dispose() => loggers.Dispose();

    // Aborted connections are cancellations, too. Kestrel has no type of its own for a stream that was reset.
    private static bool IsOfClient(Exception? exception) =>
        exception is OperationCanceledException or ConnectionResetException or IOException { Message: ResetByClient }
            or IOException { InnerException: OperationCanceledException };

    private sealed class Quiet(ILogger log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => log.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => log.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log.Log(logLevel == LogLevel.Error && IsOfClient(exception) ? LogLevel.Debug : logLevel, eventId, state, exception, formatter);
    }
}
