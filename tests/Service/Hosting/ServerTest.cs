using Grpc.Core;

namespace CocoGuest.Tests.Service.Hosting;

/// <summary>
/// Base of tests with a server of their own. Afterwards there must be no log record from warnings up that the test did not expect, no fd
/// more than before, and no socket file. They run alone, since fds are counted for the whole process.
/// </summary>
[Collection(Name)]
public abstract class ServerTest : IAsyncLifetime
{
    public const string Name = "server";

    /// <summary>How long a test waits for what has to happen before it gives up; never how long something takes.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly List<TestServer> _servers = [];
    private int _fdsBefore;
    private int _socketsBefore;
    private TestServer? _only;

    /// <summary>The server that <see cref="InitializeAsync"/> started.</summary>
    internal TestServer Host => _only!;

    public virtual async ValueTask InitializeAsync()
    {
        await Warm.Value;
        _fdsBefore = OpenFds.OfServers();
        _socketsBefore = OpenFds.Sockets();
        _only = await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        foreach (TestServer server in _servers)
        {
            await server.DisposeAsync();
            string[] unexpected = [.. server.Logs.Unexpected];
            Assert.True(unexpected.Length == 0, "Unexpected log records:\n" + string.Join('\n', unexpected));
        }

        // At once: looking again and again would make garbage, and a collection would close what was forgotten.
        Assert.Equal(_fdsBefore, OpenFds.OfServers());

        // Clients close their sockets on threads of their own.
        Eventually(() => OpenFds.Sockets() <= _socketsBefore);
    }

    internal async Task<TestServer> StartAsync(Action<CocoGuest.Service.Options.ServerOptions>? configure = null)
    {
        TestServer server = await TestServer.StartAsync(configure ?? Configure);
        _servers.Add(server);
        return server;
    }

    /// <summary>Options of <see cref="Host"/>.</summary>
    internal virtual void Configure(CocoGuest.Service.Options.ServerOptions options)
    {
    }

    /// <summary>Waits for a state that another thread brings about.</summary>
    internal static void Eventually(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, Patience), "It never came to pass.");

    internal static async Task<RpcException> FailsAsync<T>(AsyncUnaryCall<T> call) =>
        await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseAsync.WaitAsync(Patience));

    /// <summary>The runtime opens fds of its own with the first server and client of a process.</summary>
    private static readonly Lazy<Task> Warm = new(static async () =>
    {
        await using TestServer server = await TestServer.StartAsync();
        await new V1.GuestService.GuestServiceClient(server.Unix()).ListHeapsAsync(new V1.ListHeapsRequest());
        await new V1.GuestService.GuestServiceClient(server.Tcp()).ListHeapsAsync(new V1.ListHeapsRequest());
    });
}
