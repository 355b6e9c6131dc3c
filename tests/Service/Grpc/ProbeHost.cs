using CocoGuest.Tests.Service.Grpc.Probing;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace CocoGuest.Tests.Service.Grpc;

/// <summary>The server with the probe services, shared by the tests of a class.</summary>
public sealed class ProbeHost : IAsyncLifetime
{
    private KestrelHost? _host;

    internal ProbeService Service { get; } = new();

    internal KestrelHost Host => _host!;

    internal Probe.ProbeClient Client(Transport transport, Action<GrpcChannelOptions>? configure = null) =>
        new(Host.Channel(transport, configure));

    public async ValueTask InitializeAsync() => _host = await KestrelHost.StartAsync(
        builder =>
        {
            builder.Services.AddGrpc(options =>
            {
                options.Interceptors.Add<RecordingInterceptor>("server");
                options.ResponseCompressionAlgorithm = "gzip";
                options.MaxReceiveMessageSize = 32 << 20;
            });
            builder.Services.AddSingleton(Service);
        },
        app =>
        {
            app.MapGrpcService<ProbeService>();
            app.MapGrpcService(Bound.BindService(new BoundService()));
        });

    public async ValueTask DisposeAsync() => await Host.DisposeAsync();
}
