using Grpc.Core;

namespace CocoGuest.Client;

/// <summary>An operation that the emulated guest, its kernel or the server refused, with the errno that Linux gives there.</summary>
public class CocoException : Exception
{
    /// <summary>An error without details.</summary>
    public CocoException()
    {
    }

    /// <summary>An error with a sentence only.</summary>
    /// <param name="message">The sentence.</param>
    public CocoException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a sentence and its cause.</summary>
    /// <param name="message">The sentence.</param>
    /// <param name="innerException">The cause.</param>
    public CocoException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>An error with everything the server said.</summary>
    /// <param name="errno">The errno's number, or 0 when none was given.</param>
    /// <param name="errnoName">The errno's name, for example <c>EIO</c>; empty when none was given.</param>
    /// <param name="operation">The operation in the kernel's words.</param>
    /// <param name="step">The step of the operation that failed.</param>
    /// <param name="message">A sentence for a person.</param>
    public CocoException(int errno, string errnoName, string operation, string step, string message)
        : base(message)
    {
        Errno = errno;
        ErrnoName = errnoName;
        Operation = operation;
        Step = step;
    }

    /// <summary>The errno's number, for example 5; 0 when the server gave none.</summary>
    public int Errno { get; init; }

    /// <summary>The errno's name, for example <c>EIO</c>; empty when the server gave none.</summary>
    public string ErrnoName { get; init; } = "";

    /// <summary>The operation in the kernel's words, for example <c>dma_map_sgtable</c>.</summary>
    public string Operation { get; init; } = "";

    /// <summary>The step inside the operation that failed.</summary>
    public string Step { get; init; } = "";

    /// <summary>The request field at fault in snake_case, or null.</summary>
    public string? Field { get; init; }

    /// <summary>The gRPC status code of the answer.</summary>
    public StatusCode StatusCode { get; init; } = StatusCode.Unknown;
}
