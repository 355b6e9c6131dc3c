using System.Net.Sockets;
using CocoGuest.Linux.Sockets;
using CocoGuest.Machine.Abi;
using CocoGuest.Service.Access;
using CocoGuest.Service.Logging;
using CocoGuest.Service.Options;
using CocoGuest.Service.Processes;
using CocoGuest.Service.Starting;

namespace CocoGuest.Service.Broker;

/// <summary>
/// The fd broker: a Unix socket beside gRPC's where a token goes in and an fd comes out (docs/protocol.md). gRPC cannot carry fds, because
/// Kestrel owns its sockets and would swallow the control data. Clients without gRPC speak the control protocol here.
/// </summary>
/// <remarks>
/// <para>States of a connection: accepted, serving, hung up. Each has its own tasks, so a client that stalls blocks nobody else; their
/// number is limited. A connection that is open says that the server lives: <see cref="StopAsync"/> hangs up on all.</para>
/// <para>Invariant: an fd is sent for a live token only, a token answers once, and whoever got an fd is on the
/// <see cref="RevocationBoard"/> until the memory is taken back or the connection ends.</para>
/// </remarks>
internal sealed class FdBroker : IDisposable
{
    private const int Backlog = 128;
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a stop waits for connections that were hung up on.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(2);

    private readonly BrokerServices _services;
    private readonly int _limit;
    private readonly Lock _lock = new();
    private readonly Dictionary<BrokerConnection, Task> _connections = [];
    private readonly CancellationTokenSource _stopping = new();
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;

    public FdBroker(BrokerServices services, ServerOptions options)
    {
        _services = services;
        _limit = options.MaxBrokerConnections;
    }

    /// <summary>Path of the socket; empty before <see cref="Start"/>.</summary>
    public string Path { get; private set; } = "";

    /// <summary>Listens on a name that <see cref="SocketFile.Claim"/> made free.</summary>
    /// <exception cref="StartupException">The socket cannot be made.</exception>
    public void Start(SocketName name)
    {
        try
        {
            _listener = name.Bind();
            _listener.Listen(Backlog);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"The fd broker cannot listen on {name.Path}: {e.Message}.", e);
        }

        Path = name.Path;
        _accepting = AcceptAsync(_listener);
    }

    /// <summary>Stops listening and hangs up on every client; comes back when all are gone.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        _listener?.Dispose();
        await _accepting;
        Task[] open;
        lock (_lock)
        {
            foreach (BrokerConnection connection in _connections.Keys)
            {
                connection.HangUp();
            }

            open = [.. _connections.Values];
        }

        try
        {
            await Task.WhenAll(open).WaitAsync(StopLimit, _services.Time);
        }
        catch (TimeoutException)
        {
            // Somebody's fd does not close: its file system does not answer. It ends with the program.
        }
    }

    public void Dispose()
    {
        _listener?.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Serve(await listener.AcceptAsync(_stopping.Token));
            }
            catch (Exception) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (SocketException e)
            {
                // The peer hung up before it was accepted, or fds ran out: the next try may do better, but not at once.
                ServiceLog.BrokerAcceptFailed(_services.Log, e);
                await Task.Delay(AcceptPause, _services.Time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Serve(Socket client)
    {
        UnixPeer? peer = PeerOf(client);
        if (peer is not { MayConnect: true })
        {
            client.Dispose();
            return;
        }

        lock (_lock)
        {
            if (_connections.Count < _limit)
            {
                var connection = new BrokerConnection(peer, _services);
                _connections.Add(connection, ServeAsync(connection));
                return;
            }
        }

        TurnAway(client);
    }

    private async Task ServeAsync(BrokerConnection connection)
    {
        // Off the lock of the caller, and after the entry exists that the end of this method removes.
        await Task.Yield();
        try
        {
            await connection.RunAsync();
        }
        catch (Exception e)
        {
            ServiceLog.BrokerConnectionFailed(_services.Log, e);
        }
        finally
        {
            lock (_lock)
            {
                _connections.Remove(connection);
                connection.Dispose();
            }
        }
    }

    private UnixPeer? PeerOf(Socket client)
    {
        try
        {
            var peer = UnixPeer.Of(client);
            if (!peer.MayConnect)
            {
                ServiceLog.StrangerRefused(_services.Log, peer.Credentials.UserId);
            }

            return peer;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private void TurnAway(Socket client)
    {
        ServiceLog.BrokerFull(_services.Log, _limit);
        _ = ScmRights.TrySend(client.SafeHandle, BrokerFrame.Error(Errno.EAGAIN, default).ToBytes(), null, out _);
        client.Dispose();
    }
}
