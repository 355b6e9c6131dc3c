namespace Grpc.Core;

/// <summary>Writes the messages of a stream, in order. One write at a time.</summary>
/// <typeparam name="T">The message.</typeparam>
public interface IAsyncStreamWriter<in T>
{
    /// <summary>Options for the writes from now on; null for the defaults.</summary>
    WriteOptions? WriteOptions { get; set; }

    /// <summary>Writes a message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>Done when the transport took the message.</returns>
    Task WriteAsync(T message);

    /// <summary>Writes a message. A writer that cannot cancel writes accepts only tokens that can never be cancelled.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Ends the write, and with it the call.</param>
    /// <returns>Done when the transport took the message.</returns>
    Task WriteAsync(T message, CancellationToken cancellationToken) => cancellationToken.CanBeCanceled
        ? throw new NotSupportedException($"{GetType()} cannot cancel a write.")
        : WriteAsync(message);
}
