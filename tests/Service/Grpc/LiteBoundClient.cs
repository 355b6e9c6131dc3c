using CocoGuest.Tests.Service.Grpc.Probing;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Grpc;

/// <summary>A stub without configuration, as some generators make it.</summary>
internal sealed class LiteBoundClient(CallInvoker callInvoker) : LiteClientBase(callInvoker)
{
    private static readonly Method<ProbeRequest, ProbeReply> Method = new(
        MethodType.Unary,
        "cocoguest.tests.Bound",
        "Unary",
        Marshallers.Create(MessageExtensions.ToByteArray, ProbeRequest.Parser.ParseFrom),
        Marshallers.Create(MessageExtensions.ToByteArray, ProbeReply.Parser.ParseFrom));

    internal async Task<string> UnaryAsync(string text)
    {
        using var call = CallInvoker.AsyncUnaryCall(Method, null, new CallOptions(), new ProbeRequest { Text = text });
        return (await call).Text;
    }
}
