using System.Net.Sockets;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace CocoGuest.Tests.Service.Probing;

/// <summary>A real server in this process, on a loopback port of its own and on a Unix socket, and channels to it.</summary>
internal sealed class KestrelHost : IAsyncDisposable
{
    /// <summary>After this a wait is given up as lost, so that a fault shows as a failed test and not as one that never ends.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly WebApplication _app;
    private readonly DirectoryInfo _folder;
    private readonly List<IDisposable> _channels = [];

    private KestrelHost(WebApplication app, DirectoryInfo folder)
    {
        _app = app;
        _folder = folder;
    }

    internal static async Task<KestrelHost> StartAsync(Action<WebApplicationBuilder> services, Action<WebApplication> endpoints)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("cocoguest-");
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.ListenUnixSocket(Path.Combine(folder.FullName, "s"), listen => listen.Protocols = HttpProtocols.Http2);
        });
        services(builder);
        WebApplication app = builder.Build();
        endpoints(app);
        var host = new KestrelHost(app, folder);
        try
        {
            await app.StartAsync();
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>The deadline for calls whose end a test waits for.</summary>
    internal static DateTime Deadline => TimeProvider.System.GetUtcNow().UtcDateTime + Patience;

    internal IServiceProvider Services => _app.Services;

    internal Uri Address => new(_app.Urls.First(url => url.StartsWith("http://127.0.0.1", StringComparison.Ordinal)));

    /// <summary>Opens a channel, closed with the host.</summary>
    internal GrpcChannel Channel(Transport transport, Action<GrpcChannelOptions>? configure = null)
    {
        var handler = new SocketsHttpHandler();
        if (transport == Transport.UnixSocket)
        {
            handler.ConnectCallback = ConnectUnixAsync;
        }

        var options = new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true };
        configure?.Invoke(options);
        var channel = GrpcChannel.ForAddress(Address, options);
        _channels.Add(channel);
        return channel;
    }

    public async ValueTask DisposeAsync()
    {
        _channels.ForEach(channel => channel.Dispose());
        await _app.StopAsync();
        await _app.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private async ValueTask<Stream> ConnectUnixAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(_folder.FullName, "s")), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
