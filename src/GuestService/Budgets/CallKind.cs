namespace CocoGuest.Service.Budgets;

/// <summary>What a call costs the server while it lasts.</summary>
internal enum CallKind
{
    /// <summary>A short request and a short answer, at once: it needs a turn of its connection.</summary>
    Short = 0,
    /// <summary>A short request and an answer of up to some megabytes, at once: it needs a turn, and room for the answer.</summary>
    Long = 1,
    /// <summary>It may wait for what another call of the same connection does, so it must not wait for a turn.</summary>
    Waiting = 2,
    /// <summary>
    /// A request of up to some megabytes: it is read at once, since one that waits unread would hold the window of its whole connection,
    /// and with it the rest of those that have their turn.
    /// </summary>
    Upload = 3,
}
