using CocoGuest.Service.Budgets;
using Microsoft.AspNetCore.Connections;

namespace CocoGuest.Tests.Service.Budgets;

/// <summary>A connection that only knows whether it was ended.</summary>
internal sealed class FakeConnection : DefaultConnectionContext
{
    /// <summary>Whether the server ended it.</summary>
    public bool Aborted { get; private set; }

    /// <summary>A client that no budget has counted.</summary>
    public ClientConnection Client() => new(this, overTcp: true, refused: false);

    public override void Abort(ConnectionAbortedException abortReason) => Aborted = true;
}
