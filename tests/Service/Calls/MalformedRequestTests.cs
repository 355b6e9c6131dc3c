using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>Requests that are none, and requests whose words come back in the answer. The base class looks at the log.</summary>
public sealed class MalformedRequestTests : ServerTest
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(static b => b, static b => b);

    [Theory]
    [InlineData("cocoguest.v1.GuestService", "AllocateBuffer")]
    [InlineData("cocoguest.v1.HostService", "GetGuest")]
    [InlineData("grpc.health.v1.Health", "Check")]
    public async Task UnaryCall_WithBytesThatAreNoMessage_IsEinval(string service, string name)
    {
        var method = new Method<byte[], byte[]>(MethodType.Unary, service, name, Bytes, Bytes);

        RpcException e = await FailsAsync(Host.Unix().CreateCallInvoker().AsyncUnaryCall(method, null, default, [0x0a, 0xff, 0xff, 0xff]));

        Assert.Equal((StatusCode.InvalidArgument, "EINVAL"), (e.StatusCode, Failures.InfoOf(e).Reason));
    }

    [Fact]
    public async Task AnyCall_WithAWordOfManyCharacters_LeavesTheConnectionToOthers()
    {
        var host = new HostService.HostServiceClient(Host.Unix());

        RpcException e = await FailsAsync(host.GetGuestAsync(new GetGuestRequest { Guest = new string('\u0001', 100_000) }));

        Assert.Equal(StatusCode.NotFound, e.StatusCode);
        Assert.True(e.Status.Detail.Length < 2000, $"{e.Status.Detail.Length} characters");
    }
}
