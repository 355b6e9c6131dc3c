using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace CocoGuest.Service.Budgets;

/// <summary>
/// One gRPC connection and what it costs: a feature of the connection that its calls find again. It is refused, or one of those that
/// <see cref="ConnectionBudget"/> counts.
/// </summary>
/// <param name="connection">The connection.</param>
/// <param name="overTcp">Whether it came over TCP, where nobody is known.</param>
/// <param name="refused">There was no room for it: its calls are refused.</param>
internal sealed class ClientConnection(ConnectionContext connection, bool overTcp, bool refused) : IDisposable
{
    /// <summary>Calls of one connection that are carried out at the same time; more wait, unread, for their turn.</summary>
    public const int MostAtWork = 8;

    private int _calls;

    /// <summary>Whether it came over TCP.</summary>
    public bool OverTcp => overTcp;

    /// <summary>Whether its calls are refused.</summary>
    public bool Refused => refused;

    /// <summary>Turns of its calls.</summary>
    public SemaphoreSlim Turns { get; } = new(MostAtWork);

    /// <summary>Calls at the moment, those that wait included.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>Whether it ever made a call; of those that did not, the oldest goes first when there is no room.</summary>
    public bool HasCalled { get; private set; }

    /// <summary>Its place among all connections by last use; guarded by <see cref="ConnectionBudget"/> when written.</summary>
    public long LastUse { get; set; }

    /// <summary>Answers that it holds room for; guarded by <see cref="AnswerRoom"/>.</summary>
    public int Answers { get; set; }

    /// <summary>When it last gave room for an answer back, or took its first; guarded by <see cref="AnswerRoom"/>.</summary>
    public long LastProgress { get; set; }

    /// <summary>How many more of its calls were given up than carried out; guarded by itself.</summary>
    public ResetCount Resets { get; } = new();

    /// <summary>A call begins.</summary>
    public void Begin()
    {
        HasCalled = true;
        Interlocked.Increment(ref _calls);
    }

    /// <summary>A call ends.</summary>
    public void End() => Interlocked.Decrement(ref _calls);

    /// <summary>Ends it once its calls are answered.</summary>
    public void Close() => connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();

    /// <summary>Ends it at once, with all its calls.</summary>
    public void Abort(string reason) => connection.Abort(new ConnectionAbortedException(reason));

    /// <inheritdoc/>
    public void Dispose() => Turns.Dispose();
}
