using System.Net.Sockets;
using CocoGuest.Client;
using CocoGuest.Client.Internal;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace CocoGuest.Tests.Clients.Sdk;

public sealed class ErrorTranslationTests
{
    [Fact]
    public void Translate_ErrorInfo_GivesErrnoOperationStepAndField()
    {
        var info = new ErrorInfo { Reason = "EIO", Domain = "cocoguest" };
        info.Metadata.Add("errno", "5");
        info.Metadata.Add("operation", "dma_map_sgtable");
        info.Metadata.Add("step", "swiotlb: find slots");
        info.Metadata.Add("field", "attachment");
        var details = new Google.Rpc.Status { Code = 13, Message = "x" };
        details.Details.Add(Any.Pack(info));

        CocoException error = Assert.IsType<CocoException>(Translate(StatusCode.Internal, "a sentence", details.ToByteArray()));

        Assert.Equal((5, "EIO", "dma_map_sgtable", "swiotlb: find slots"), (error.Errno, error.ErrnoName, error.Operation, error.Step));
        Assert.Equal(("attachment", "a sentence", StatusCode.Internal), (error.Field, error.Message, error.StatusCode));
    }

    [Fact]
    public void Translate_UnavailableWithDetails_IsTheServersAnswer()
    {
        var details = new Google.Rpc.Status();
        details.Details.Add(Any.Pack(new ErrorInfo { Reason = "EOWNERDEAD" }));

        Assert.IsType<CocoException>(Translate(StatusCode.Unavailable, "x", details.ToByteArray()));
    }

    [Theory]
    [InlineData(StatusCode.Unavailable)]
    [InlineData(StatusCode.Internal)]
    [InlineData(StatusCode.Unknown)]
    public void Translate_TransportFailure_IsServerGone(StatusCode code)
    {
        var cause = new HttpRequestException("y", new SocketException((int)SocketError.ConnectionRefused));
        var status = new Grpc.Core.Status(code, "x", cause);

        Assert.IsType<ServerGoneException>(ErrorTranslation.Translate(new RpcException(status), "unix:/x"));
    }

    [Fact]
    public void Translate_GarbageInDetails_KeepsCodeAndSentence()
    {
        CocoException error = Assert.IsType<CocoException>(Translate(StatusCode.InvalidArgument, "a sentence", [0xff, 0xff, 0xff]));

        Assert.Equal((0, "a sentence", StatusCode.InvalidArgument), (error.Errno, error.Message, error.StatusCode));
    }

    /// <summary>The package's health service answers so for a service that it does not know.</summary>
    [Fact]
    public void Translate_CodeWithoutSentence_NamesTheCode() =>
        Assert.Equal("The server answered NotFound.", Translate(StatusCode.NotFound, "", null).Message);

    [Fact]
    public void Translate_Cancelled_IsOperationCanceled() =>
        Assert.IsType<OperationCanceledException>(Translate(StatusCode.Cancelled, "x", null));

    /// <summary>Was a fault: a call that its caller gave up at times counted as the end of the server.</summary>
    [Theory]
    [InlineData(true, typeof(OperationCanceledException))]
    [InlineData(false, typeof(ServerGoneException))]
    public void Translate_AbortOfTheCallsOwnStream_IsItsCancellation(bool givenUp, System.Type expected)
    {
        var status = new Grpc.Core.Status(StatusCode.Unavailable, "x", new IOException("The request was aborted."));

        Assert.IsType(expected, ErrorTranslation.Translate(new RpcException(status), "unix:/x", givenUp));
    }

    private static Exception Translate(StatusCode code, string sentence, byte[]? details)
    {
        var trailers = new Metadata();
        if (details is not null)
            trailers.Add("grpc-status-details-bin", details);
        return ErrorTranslation.Translate(new RpcException(new Grpc.Core.Status(code, sentence), trailers), "unix:/x");
    }
}
