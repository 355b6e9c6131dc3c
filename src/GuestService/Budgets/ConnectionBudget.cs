using CocoGuest.Service.Options;
using Microsoft.AspNetCore.Connections;

namespace CocoGuest.Service.Budgets;

/// <summary>
/// How many gRPC connections there are at a time: each takes an fd, and the runtime ends the process when there is none left for itself.
/// </summary>
/// <remarks>
/// TCP, where nobody is known, may have three quarters of them; the last quarter is the Unix socket's alone. Where TCP has no room, the
/// connection that has been idle for longest goes, one that never made a call before all others: it costs its client nothing but to connect
/// again. Where none is idle, a few newcomers are let in to be told (RESOURCE_EXHAUSTED), and those beyond are hung up on.
/// </remarks>
internal sealed class ConnectionBudget(ServerOptions options)
{
    /// <summary>Connections beyond the budget that are told so.</summary>
    public const int MostRefused = 4;

    private readonly Lock _lock = new();
    private readonly HashSet<ClientConnection> _open = [];
    private int _overTcp;
    private int _refused;
    private long _uses;
    private long _turnedAway;

    /// <summary>Connections that were refused, hung up on or ended for another's sake.</summary>
    public long TurnedAway => Interlocked.Read(ref _turnedAway);

    /// <summary>Connections at the moment, refused ones included.</summary>
    public int Open
    {
        get
        {
            lock (_lock)
            {
                return _open.Count + _refused;
            }
        }
    }

    private int MostOverTcp => Math.Max(1, options.MaxConnections * 3 / 4);

    /// <summary>Counts a new connection.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="overTcp">Whether it came over TCP.</param>
    /// <returns>Null: there is no room at all, and it has to be hung up on. Otherwise give it back with <see cref="Leave"/>.</returns>
    public ClientConnection? Enter(ConnectionContext connection, bool overTcp)
    {
        ClientConnection? idle = null;
        ClientConnection? entered;
        lock (_lock)
        {
            bool full = _open.Count >= options.MaxConnections || (overTcp && _overTcp >= MostOverTcp);
            if (full)
            {
                _turnedAway++;
                idle = IdleOverTcp();
                if (idle is not null)
                {
                    Remove(idle);
                }
            }

            bool refused = full && idle is null;
            if (refused && _refused == MostRefused)
            {
                return null;
            }

            entered = new ClientConnection(connection, overTcp, refused) { LastUse = ++_uses };
            if (refused)
            {
                _refused++;
            }
            else
            {
                _open.Add(entered);
                _overTcp += overTcp ? 1 : 0;
            }
        }

        idle?.Abort("Another client needed the place of this idle connection.");
        return entered;
    }

    /// <summary>A connection makes a call.</summary>
    public void Use(ClientConnection connection)
    {
        connection.Begin();
        connection.LastUse = Interlocked.Increment(ref _uses);
    }

    /// <summary>A connection is over.</summary>
    public void Leave(ClientConnection connection)
    {
        lock (_lock)
        {
            if (connection.Refused)
            {
                _refused--;
            }
            else
            {
                Remove(connection);
            }
        }

        connection.Dispose();
    }

    // Who is behind the Unix socket is the owner, and an idle connection there says that the server lives.
    private ClientConnection? IdleOverTcp()
    {
        ClientConnection? found = null;
        foreach (ClientConnection open in _open)
        {
            if (open.OverTcp && open.Calls == 0
                && (found is null || (open.HasCalled, open.LastUse).CompareTo((found.HasCalled, found.LastUse)) < 0))
            {
                found = open;
            }
        }

        return found;
    }

    private void Remove(ClientConnection connection)
    {
        if (_open.Remove(connection))
        {
            _overTcp -= connection.OverTcp ? 1 : 0;
        }
    }
}
