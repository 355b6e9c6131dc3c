using System.Net.Sockets;
using CocoGuest.Service.Access;
using CocoGuest.Service.Hosting;
using CocoGuest.Service.Options;
using CocoGuest.V1;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CocoGuest.Tests.Service.Hosting;

/// <summary>
/// The whole server in this process: real Kestrel on a port of its own and a Unix socket in a folder of its own, with a clock by hand.
/// </summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly List<IDisposable> _channels = [];
    private GuestServer? _server;

    private TestServer(DirectoryInfo folder) => _folder = folder;

    public FakeTimeProvider Time { get; } = new();

    public RecordedLogs Logs { get; } = new();

    public GuestServer Server => _server!;

    public string Token => Part<BearerToken>().Text;

    public static async Task<TestServer> StartAsync(Action<ServerOptions>? configure = null)
    {
        var test = new TestServer(Directory.CreateTempSubdirectory("cocoguest-"));
        var options = new ServerOptions { Tcp = new(System.Net.IPAddress.Loopback, 0), RuntimeDirectory = test._folder.FullName };
        configure?.Invoke(options);
        try
        {
            test._server = await GuestServer.StartAsync(options, test.Time, logging => logging.AddProvider(test.Logs));
            return test;
        }
        catch
        {
            await test.DisposeAsync();
            throw;
        }
    }

    public T Part<T>()
        where T : notnull => Server.Parts.GetRequiredService<T>();

    /// <summary>A channel over TCP.</summary>
    public GrpcChannel Tcp() => Keep(GrpcChannel.ForAddress(Server.TcpAddress!));

    /// <summary>A channel over the Unix socket.</summary>
    public GrpcChannel Unix() => Over(async (_, cancellation) =>
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Server.SocketPath), cancellation);
        return new NetworkStream(socket, ownsSocket: true);
    });

    /// <summary>A channel over any stream.</summary>
    public GrpcChannel Over(Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> connect) =>
        Keep(GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { ConnectCallback = connect },
            DisposeHttpClient = true,
        }));

    public GuestService.GuestServiceClient Guests() => new(Unix());

    /// <summary>Stops the server; channels stay.</summary>
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref _server, null) is { } server)
        {
            await server.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _channels.ForEach(static c => c.Dispose());
        await StopAsync();
        _folder.Delete(recursive: true);
    }

    private GrpcChannel Keep(GrpcChannel channel)
    {
        _channels.Add(channel);
        return channel;
    }
}
