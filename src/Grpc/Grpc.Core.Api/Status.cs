namespace Grpc.Core;

/// <summary>How a call ended: a code, a sentence for a person and, on the side that made it, the exception behind it.</summary>
public struct Status
{
    /// <summary>Code <see cref="StatusCode.OK"/> without detail.</summary>
    public static readonly Status DefaultSuccess = new(StatusCode.OK, "");

    /// <summary>Code <see cref="StatusCode.Cancelled"/> without detail.</summary>
    public static readonly Status DefaultCancelled = new(StatusCode.Cancelled, "");

    /// <summary>Makes a status without an exception.</summary>
    /// <param name="statusCode">The code.</param>
    /// <param name="detail">The sentence that is sent to the other side.</param>
    public Status(StatusCode statusCode, string detail)
        : this(statusCode, detail, null)
    {
    }

    /// <summary>Makes a status.</summary>
    /// <param name="statusCode">The code.</param>
    /// <param name="detail">The sentence that is sent to the other side.</param>
    /// <param name="debugException">The local cause; never sent.</param>
    public Status(StatusCode statusCode, string detail, Exception? debugException)
    {
        StatusCode = statusCode;
        Detail = detail;
        DebugException = debugException;
    }

    /// <summary>The code.</summary>
    public StatusCode StatusCode { get; }

    /// <summary>The sentence for a person.</summary>
    public string Detail { get; }

    /// <summary>The local cause, if one is known.</summary>
    public Exception? DebugException { get; }

    /// <summary>Shows the code, the detail and the cause.</summary>
    /// <returns>One line, or more where the cause has several.</returns>
    public override readonly string ToString()
    {
        string cause = DebugException is null ? "" : $", DebugException=\"{DebugException.GetType()}: {DebugException.Message}\"";
        return $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\"{cause})";
    }
}
