using Google.Rpc;
using Grpc.Core;
using RpcStatus = Google.Rpc.Status;

namespace CocoGuest.Tests.Service.Hosting;

/// <summary>Reads the machine-readable part of a failed call.</summary>
internal static class Failures
{
    public static ErrorInfo InfoOf(RpcException e)
    {
        byte[] details = e.Trailers.GetValueBytes("grpc-status-details-bin")
            ?? throw new InvalidOperationException($"No details: {e.Status}");
        RpcStatus status = RpcStatus.Parser.ParseFrom(details);
        Assert.Equal((int)e.StatusCode, status.Code);
        Assert.Equal(e.Status.Detail, status.Message);
        return Assert.Single(status.Details).Unpack<ErrorInfo>();
    }
}
