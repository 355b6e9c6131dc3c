namespace CocoGuest.Service.Budgets;

/// <summary>
/// Calls of one connection that its client gave up, against those that came to an end: HTTP/2 lets a client begin and reset calls as fast
/// as it can write, and each costs the server more than the client.
/// </summary>
internal sealed class ResetCount
{
    /// <summary>How many more may be given up than carried out, within about a second.</summary>
    public const int Most = 1000;

    private readonly Lock _lock = new();
    private int _score;
    private long _since;

    /// <summary>A call is over.</summary>
    /// <param name="given">Whether its client gave it up.</param>
    /// <param name="now">The clock.</param>
    /// <param name="second">A second of the clock.</param>
    /// <returns>True when it was one too many.</returns>
    public bool IsTooMany(bool given, long now, long second)
    {
        lock (_lock)
        {
            if (now - _since >= second)
            {
                (_since, _score) = (now, 0);
            }

            _score = Math.Max(0, _score + (given ? 1 : -1));
            return _score > Most;
        }
    }
}
