using Grpc.Core;

namespace CocoGuest.Client;

/// <summary>
/// No server answers: it was never there, or it ended. Everything held from it is lost; a server that starts again never adopts it.
/// </summary>
public sealed class ServerGoneException : CocoException
{
    /// <summary>An error with the usual sentence.</summary>
    public ServerGoneException()
        : this("The server is gone.")
    {
    }

    /// <summary>An error with a sentence.</summary>
    /// <param name="message">The sentence.</param>
    public ServerGoneException(string message)
        : this(message, null)
    {
    }

    /// <summary>An error with a sentence and its cause.</summary>
    /// <param name="message">The sentence.</param>
    /// <param name="innerException">The cause.</param>
    public ServerGoneException(string message, Exception? innerException)
        : base(message, innerException)
    {
        StatusCode = StatusCode.Unavailable;
    }
}
