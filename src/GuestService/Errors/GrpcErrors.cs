using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using CocoGuest.Machine.Abi;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using RpcStatus = Google.Rpc.Status;

namespace CocoGuest.Service.Errors;

/// <summary>
/// A <see cref="Failure"/> on the wire: the status code of its errno, errno's name and the sentence as the status detail, and
/// google.rpc.Status with one ErrorInfo in a trailer, as Grpc.StatusProto has it.
/// </summary>
internal static class GrpcErrors
{
    /// <summary>ErrorInfo's domain.</summary>
    public const string Domain = "cocoguest";

    private const int LongestText = 1024;

    /// <summary>Ends the call with the failure.</summary>
    [DoesNotReturn]
    public static void Throw(Failure failure) => throw Of(failure);

    /// <summary>What ends a call with the failure.</summary>
    public static RpcException Of(Failure failure)
    {
        RpcStatus details = DetailsOf(failure);
        return details.ToRpcException((StatusCode)details.Code, details.Message);
    }

    /// <summary>
    /// Text that fits into trailers, whatever of the request it repeats: one that exceeds a client's limit ends its whole connection, with
    /// all other calls on it.
    /// </summary>
    public static string Shorten(string text) => text.Length <= LongestText ? text : text[..LongestText] + "…";

    /// <summary>Answers a call that never reaches gRPC: a response of trailers only.</summary>
    public static Task Refuse(HttpContext http, Failure failure)
    {
        IHeaderDictionary headers = http.Response.Headers;
        http.Response.ContentType = "application/grpc";
        headers["grpc-status"] = ((int)ErrnoStatusMap.Of(failure.Errno)).ToString(CultureInfo.InvariantCulture);
        headers["grpc-message"] = Uri.EscapeDataString(MessageOf(failure));
        headers[MetadataExtensions.StatusDetailsTrailerName] = Convert.ToBase64String(DetailsOf(failure).ToByteArray()).TrimEnd('=');
        return Task.CompletedTask;
    }

    // Most tools show the message and leave the details in base64.
    private static string MessageOf(Failure failure) => Shorten($"{failure.Errno}: {failure.Sentence}");

    private static RpcStatus DetailsOf(Failure failure)
    {
        var info = new ErrorInfo { Reason = failure.Errno.ToString(), Domain = Domain };
        info.Metadata.Add("errno", ((int)failure.Errno).ToString(CultureInfo.InvariantCulture));
        info.Metadata.Add("operation", failure.Operation);
        info.Metadata.Add("step", failure.Step);
        if (failure.Field is not null)
        {
            info.Metadata.Add("field", failure.Field);
        }

        return new RpcStatus
        {
            Code = (int)ErrnoStatusMap.Of(failure.Errno),
            Message = MessageOf(failure),
            Details = { Any.Pack(info) },
        };
    }
}
