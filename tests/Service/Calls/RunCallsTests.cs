using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>
/// RunService for callers that have no program: each is refused in order. Programs themselves are run by the tests of the command.
/// </summary>
public sealed class RunCallsTests : ServerTest
{
    private const int StandardInput = 0;

    [Theory]
    [InlineData("no start", "EINVAL", "start")]
    [InlineData("no listener", "EINVAL", "listener_fd")]
    [InlineData("no fd", "EPERM", "listener_fd")]
    [InlineData("fds backwards", "EINVAL", "fd_floor")]
    [InlineData("no guest", "ENOENT", "guest")]
    public async Task Supervise_WithoutAProgram_IsRefused(string what, string errno, string field)
    {
        RpcException e = await RefusalAsync(Host.Unix(), what switch
        {
            "no start" => new() { End = new() },
            "no listener" => new() { Start = new() { ListenerFd = StandardInput, FdLimit = 8 } },
            "no fd" => new() { Start = new() { ListenerFd = int.MaxValue, FdLimit = 8 } },
            "fds backwards" => new() { Start = new() { FdFloor = 8, FdLimit = 8 } },
            "no guest" => new() { Start = new() { Guest = "nobody", FdLimit = 8 } },
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
        });

        Assert.Equal((errno, field), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
    }

    [Fact]
    public async Task Supervise_OverTcp_IsRefused()
    {
        RpcException e = await RefusalAsync(Host.Tcp(), new() { Start = new() { FdLimit = 8 } });
        Assert.Equal((StatusCode.PermissionDenied, "EPERM"), (e.StatusCode, Failures.InfoOf(e).Reason));
    }

    private static async Task<RpcException> RefusalAsync(ChannelBase channel, SuperviseRequest request)
    {
        using AsyncDuplexStreamingCall<SuperviseRequest, SuperviseResponse> call = new RunService.RunServiceClient(channel).Supervise();
        await call.RequestStream.WriteAsync(request);
        return await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience));
    }
}
