using CocoGuest.Service.Health;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Probing;
using CocoGuest.V1;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Grpc.Net.Client;
using static Grpc.Health.V1.HealthCheckResponse.Types;
using HealthV1 = Grpc.Health.V1.Health;

namespace CocoGuest.Tests.Service.Health;

/// <summary>What <see cref="HealthParts"/> makes of the package's service, seen by a client.</summary>
public sealed class HealthServiceTests : ServerTest
{
    public static TheoryData<string> Services => ["", GuestService.Descriptor.FullName, RunService.Descriptor.FullName];

    [Theory, MemberData(nameof(Services))]
    public async Task Check_EachService_IsServing(string service)
    {
        Assert.Equal(ServingStatus.Serving, await CheckAsync(Host.Tcp(), service));
        Assert.Equal(ServingStatus.Serving, await CheckAsync(Host.Unix(), service));
    }

    [Fact]
    public async Task Check_ServiceThatDoesNotServe_SaysSo()
    {
        Host.Part<HealthServiceImpl>().SetStatus("a.B", ServingStatus.NotServing);

        Assert.Equal(ServingStatus.NotServing, await CheckAsync(Host.Unix(), "a.B"));
    }

    [Fact]
    public async Task Check_UnknownService_IsNotFound()
    {
        RpcException error = await FailsAsync(new HealthV1.HealthClient(Host.Unix()).CheckAsync(new() { Service = "a.B" }));

        Assert.Equal(StatusCode.NotFound, error.StatusCode);
    }

    [Theory]
    [InlineData(Transport.Tcp)]
    [InlineData(Transport.UnixSocket)]
    public async Task Watch_ServiceBecomesKnown_GivesEachChange(Transport transport)
    {
        using AsyncServerStreamingCall<HealthCheckResponse> call = Watch("a.B", transport);
        Assert.Equal(ServingStatus.ServiceUnknown, await NextAsync(call));

        Host.Part<HealthServiceImpl>().SetStatus("a.B", ServingStatus.Serving);
        Assert.Equal(ServingStatus.Serving, await NextAsync(call));

        Host.Part<HealthServiceImpl>().SetStatus("a.B", ServingStatus.NotServing);
        Assert.Equal(ServingStatus.NotServing, await NextAsync(call));
    }

    [Theory, MemberData(nameof(Services))]
    public async Task Watch_ServerStops_GivesNotServingAndTheEnd(string service)
    {
        using AsyncServerStreamingCall<HealthCheckResponse> call = Watch(service);
        Assert.Equal(ServingStatus.Serving, await NextAsync(call));

        await Host.StopAsync();

        Assert.Equal(ServingStatus.NotServing, await NextAsync(call));
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
    }

    private AsyncServerStreamingCall<HealthCheckResponse> Watch(string service, Transport transport = Transport.UnixSocket) =>
        new HealthV1.HealthClient(transport == Transport.Tcp ? Host.Tcp() : Host.Unix())
            .Watch(new HealthCheckRequest { Service = service }, deadline: KestrelHost.Deadline);

    private static async Task<ServingStatus> CheckAsync(GrpcChannel channel, string service) =>
        (await new HealthV1.HealthClient(channel).CheckAsync(new HealthCheckRequest { Service = service })).Status;

    private static async Task<ServingStatus> NextAsync(AsyncServerStreamingCall<HealthCheckResponse> call)
    {
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        return call.ResponseStream.Current.Status;
    }
}
