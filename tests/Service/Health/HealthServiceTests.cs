using CocoGuest.Service.Health;
using CocoGuest.Tests.Service.Grpc;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Health.V1;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using static Grpc.Health.V1.HealthCheckResponse.Types;
using HealthV1 = Grpc.Health.V1.Health;

namespace CocoGuest.Tests.Service.Health;

public sealed class HealthServiceTests : IAsyncLifetime
{
    private readonly EndOfStream _end = new();
    private KestrelHost? _host;

    public static TheoryData<Transport> Transports => GrpcCallTests.Transports;

    public async Task InitializeAsync() => _host = await KestrelHost.StartAsync(
        builder =>
        {
            builder.Services.AddSingleton(_end);
            builder.Services.AddGrpc(options => options.Interceptors.Add<EndOfStream>());
            builder.Services.AddCocoHealth();
        },
        app => app.MapCocoHealth());

    public async Task DisposeAsync() => await _host!.DisposeAsync();

    [Theory, MemberData(nameof(Transports))]
    public async Task Check_TheServer_IsServing(Transport transport) =>
        Assert.Equal(ServingStatus.Serving, (await Client(transport).CheckAsync(new HealthCheckRequest())).Status);

    [Fact]
    public async Task Check_ServiceThatWasSet_GivesItsStatus()
    {
        State.SetStatus("a.B", ServingStatus.NotServing);

        Assert.Equal(ServingStatus.NotServing, (await Client().CheckAsync(new HealthCheckRequest { Service = "a.B" })).Status);
    }

    [Fact]
    public async Task Check_UnknownService_IsNotFoundAndNamesIt()
    {
        RpcException error = await Assert.ThrowsAsync<RpcException>(async () =>
            await Client().CheckAsync(new HealthCheckRequest { Service = "a.B" }));

        Assert.Equal(StatusCode.NotFound, error.StatusCode);
        Assert.Contains("'a.B'", error.Status.Detail, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Transports))]
    public async Task Watch_ServiceBecomesKnown_GivesEachChange(Transport transport)
    {
        using AsyncServerStreamingCall<HealthCheckResponse> call = Client(transport).Watch(new HealthCheckRequest { Service = "a.B" }, deadline: KestrelHost.Deadline);
        Assert.Equal(ServingStatus.ServiceUnknown, await NextAsync(call));

        State.SetStatus("a.B", ServingStatus.Serving);
        Assert.Equal(ServingStatus.Serving, await NextAsync(call));

        State.SetStatus("a.B", ServingStatus.NotServing);
        Assert.Equal(ServingStatus.NotServing, await NextAsync(call));
    }

    [Fact]
    public async Task Watch_Cancelled_TakesTheWatcherOff()
    {
        int before = State.Count;
        AsyncServerStreamingCall<HealthCheckResponse> call = Client().Watch(new HealthCheckRequest { Service = "a.B" }, deadline: KestrelHost.Deadline);
        _ = await NextAsync(call);
        Assert.Equal(before + 1, State.Count);

        call.Dispose();

        Assert.Null(await _end.Reached.WaitAsync(KestrelHost.Patience));
        Assert.Equal(before, State.Count);
    }

    [Fact]
    public async Task Watch_ServerStops_GivesNotServingAndEndsUnavailable()
    {
        using AsyncServerStreamingCall<HealthCheckResponse> call = Client().Watch(new HealthCheckRequest(), deadline: KestrelHost.Deadline);
        Assert.Equal(ServingStatus.Serving, await NextAsync(call));

        _host!.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        Assert.Equal(ServingStatus.NotServing, await NextAsync(call));
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => NextAsync(call));
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
    }

    private HealthState State => _host!.Services.GetRequiredService<HealthState>();

    private HealthV1.HealthClient Client(Transport transport = Transport.Tcp) => new(_host!.Channel(transport));

    private static async Task<ServingStatus> NextAsync(AsyncServerStreamingCall<HealthCheckResponse> call)
    {
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        return call.ResponseStream.Current.Status;
    }

    /// <summary>Tells when a handler with many responses has returned, and with what exception.</summary>
    internal sealed class EndOfStream : Interceptor
    {
        private readonly TaskCompletionSource<Exception?> _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal Task<Exception?> Reached => _reached.Task;

        public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
            TRequest request,
            IServerStreamWriter<TResponse> responseStream,
            ServerCallContext context,
            ServerStreamingServerMethod<TRequest, TResponse> continuation)
        {
            try
            {
                await continuation(request, responseStream, context);
                _ = _reached.TrySetResult(null);
            }
            catch (Exception exception)
            {
                _ = _reached.TrySetResult(exception);
                throw;
            }
        }
    }
}
