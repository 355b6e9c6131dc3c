using System.Globalization;
using System.Net.Sockets;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace CocoGuest.Client.Internal;

/// <summary>Turns a gRPC error into the SDK's exceptions: the one place that reads error details.</summary>
internal static class ErrorTranslation
{
    /// <summary>The exception for an error of a call.</summary>
    /// <param name="error">What gRPC threw.</param>
    /// <param name="endpoint">Where the server was expected, for the sentence.</param>
    /// <param name="givenUp">The caller has cancelled the call.</param>
    public static Exception Translate(RpcException error, string endpoint, bool givenUp = false)
    {
        if (ReadDetails(error) is { } info)
            return FromDetails(error, info);

        // A cancelled read may end with the abort of its own stream, which gRPC takes for a lost connection.
        if (givenUp && error.Status.DebugException is IOException)
            return new OperationCanceledException("The call was cancelled.", error);
        if (IsConnectionLoss(error))
            return new ServerGoneException($"No CocoGuest server answers at {endpoint}: {Reason(Innermost(error))}", error);
        if (error.StatusCode == StatusCode.Cancelled)
            return new OperationCanceledException("The call was cancelled.", error);
        return new CocoException(Sentence(error), error) { StatusCode = error.StatusCode };
    }

    private static CocoException FromDetails(RpcException error, ErrorInfo info)
    {
        string Value(string key) => info.Metadata.TryGetValue(key, out string? value) ? value : "";
        return new CocoException(WithoutErrno(error.Status.Detail, info.Reason), error)
        {
            Errno = int.TryParse(Value("errno"), CultureInfo.InvariantCulture, out int errno) ? errno : 0,
            ErrnoName = info.Reason,
            Operation = Value("operation"),
            Step = Value("step"),
            Field = Value("field") is { Length: > 0 } field ? field : null,
            StatusCode = error.StatusCode,
        };
    }

    // The server begins its sentence with errno's name, for tools that show nothing else; here it is ErrnoName.
    private static string WithoutErrno(string sentence, string errno) =>
        sentence.StartsWith(errno + ": ", StringComparison.Ordinal) ? sentence[(errno.Length + 2)..] : sentence;

    // Services of packages may answer with a bare code: health does for a service that it does not know.
    private static string Sentence(RpcException error) =>
        error.Status.Detail is { Length: > 0 } detail ? detail : $"The server answered {error.StatusCode}.";

    private static ErrorInfo? ReadDetails(RpcException error)
    {
        try
        {
            return error.GetRpcStatus()?.GetDetail<ErrorInfo>();
        }
        catch (InvalidProtocolBufferException)
        {
            // A proxy may have put something else there; the status code and sentence still hold.
            return null;
        }
    }

    // A server that dies under a call shows as Unavailable, or as Internal or Unknown with the transport's exception attached.
    private static bool IsConnectionLoss(RpcException error) =>
        error.StatusCode == StatusCode.Unavailable
        || error.Status.DebugException is HttpRequestException or IOException or SocketException;

    // .NET's words for a Unix socket that is not there mislead: "Cannot assign requested address".
    private static string Reason(Exception error) => error is SocketException { SocketErrorCode: SocketError.AddressNotAvailable }
        ? "there is no such socket."
        : error.Message;

    private static Exception Innermost(RpcException error)
    {
        Exception inner = error.Status.DebugException ?? error;
        while (inner.InnerException is { } next)
            inner = next;
        return inner;
    }
}
