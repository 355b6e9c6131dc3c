using CocoGuest.Service.Access;
using CocoGuest.Service.Hosting;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace CocoGuest.Tests.Service.Access;

/// <summary>Who may call what over which socket, for each method that takes a right.</summary>
public sealed class AccessGateTests : ServerTest
{
    private static readonly AccessTable Rights = new(RpcServices.Descriptors);
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(static b => b, static b => b);

    /// <summary>
    /// Field 1, which is the guest's name: two bytes that no guest is named, so that streams do not begin.
    /// CreateGuest reads an empty shape.
    /// </summary>
    private static readonly byte[] NoSuchGuest = [0x0a, 0x02, 0x0a, 0x00];

    public static TheoryData<string> Privileged => [.. Rights.Paths.Where(p => Rights.RightOf(p) == Right.Host)];

    [Theory]
    [MemberData(nameof(Privileged))]
    public async Task PrivilegedCall_OverTcpWithoutToken_IsRefused(string path)
    {
        RpcException e = await FailsAsync(CallAsync(Host.Tcp(), path, null));
        Assert.Equal((StatusCode.PermissionDenied, "EPERM"), (e.StatusCode, Failures.InfoOf(e).Reason));
    }

    [Theory]
    [InlineData("Bearer 0123456789abcdef0123456789abcdef")]
    [InlineData("Bearer ")]
    [InlineData("0123")]
    public async Task PrivilegedCall_OverTcpWithWrongToken_IsRefused(string header)
    {
        RpcException e = await FailsAsync(CallAsync(Host.Tcp(), "/cocoguest.v1.HypervisorService/GetPageStates", header));
        Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
    }

    [Theory]
    [MemberData(nameof(Privileged))]
    public async Task PrivilegedCall_OverTcpWithToken_IsLetIn(string path) =>
        await AssertLetInAsync(CallAsync(Host.Tcp(), path, "Bearer " + Host.Token));

    [Theory]
    [MemberData(nameof(Privileged))]
    public async Task PrivilegedCall_OverTheUnixSocket_IsLetIn(string path) => await AssertLetInAsync(CallAsync(Host.Unix(), path, null));

    [Fact]
    public async Task OpenCall_OverTcpWithoutToken_IsLetIn()
    {
        ListGuestsResponse guests = await new HostService.HostServiceClient(Host.Tcp()).ListGuestsAsync(new());
        Assert.Single(guests.Guests);
    }

    [Fact]
    public async Task UnknownMethod_OverTcpWithoutToken_IsUnimplementedAndNotRefused()
    {
        RpcException e = await FailsAsync(CallAsync(Host.Tcp(), "/cocoguest.v1.GuestService/Fly", null));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    private static AsyncUnaryCall<byte[]> CallAsync(GrpcChannel channel, string path, string? authorization)
    {
        string[] parts = path.Split('/');
        var method = new Method<byte[], byte[]>(MethodType.Unary, parts[1], parts[2], Bytes, Bytes);
        Metadata headers = authorization is null ? [] : new Metadata { { "authorization", authorization } };
        return channel.CreateCallInvoker().AsyncUnaryCall(method, null, new CallOptions(headers), NoSuchGuest);
    }

    /// <summary>The request may be wrong, but not for lack of a right.</summary>
    private static async Task AssertLetInAsync(AsyncUnaryCall<byte[]> call)
    {
        StatusCode code = StatusCode.OK;
        try
        {
            await call;
        }
        catch (RpcException e)
        {
            code = e.StatusCode;
        }

        Assert.NotEqual(StatusCode.PermissionDenied, code);
    }
}
