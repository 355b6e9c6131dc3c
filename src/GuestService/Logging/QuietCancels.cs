using Microsoft.AspNetCore.Connections;

namespace CocoGuest.Service.Logging;

/// <summary>
/// Logs as everybody's, but a call that ended because its client gave it up is written at level Debug. The gRPC library takes the broken
/// read of its message for an error of the service, with a stack trace.
/// </summary>
internal sealed class QuietCancels(ILoggerFactory loggers) : ILoggerFactory
{
    /// <summary>Category of the library's records about failed calls.</summary>
    internal const string Category = "Grpc.AspNetCore.Server.ServerCallHandler";

    private const string ResetByClient = "The client reset the request stream.";

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) =>
        categoryName == Category ? new Quiet(loggers.CreateLogger(categoryName)) : loggers.CreateLogger(categoryName);

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => loggers.AddProvider(provider);

    /// <inheritdoc/>
    public void Dispose() => loggers.Dispose();

    // Aborted connections are cancellations, too. Kestrel has no type of its own for a stream that was reset.
    private static bool IsOfClient(Exception? exception) =>
        exception is OperationCanceledException or ConnectionResetException or IOException { Message: ResetByClient };

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
