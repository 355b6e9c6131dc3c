using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace CocoGuest.Tests.Service.Probing;

/// <summary>The server with the probe service, shared by the tests of a class.</summary>
public sealed class ProbeHost : IAsyncLifetime
{
    private KestrelHost? _host;

    internal ProbeService Service { get; } = new();

    internal KestrelHost Host => _host!;

    public async ValueTask InitializeAsync() => _host = await KestrelHost.StartAsync(
        builder =>
        {
            builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = 32 << 20);
            builder.Services.AddSingleton(Service);
        },
        app => app.MapGrpcService<ProbeService>());

    public async ValueTask DisposeAsync() => await Host.DisposeAsync();
}
