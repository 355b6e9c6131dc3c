namespace CocoGuest.Service.Processes;

/// <summary>The last tokens of one process in the order of issue. Not thread-safe: <see cref="FdTokenTable"/> holds its lock.</summary>
internal sealed class TokenRing
{
    private readonly List<FdToken> _tokens = [];
    private int _next;

    /// <summary>True once the process ended: nobody would ever drop another token.</summary>
    public bool Closed { get; private set; }

    /// <summary>Adds a token; at the limit it takes the place of the oldest.</summary>
    /// <returns>The token that fell out (it may have been redeemed long ago), or null.</returns>
    public FdToken? Push(FdToken token, int limit)
    {
        if (_tokens.Count < limit)
        {
            _tokens.Add(token);
            return null;
        }

        FdToken oldest = _tokens[_next];
        _tokens[_next] = token;
        _next = (_next + 1) % limit;
        return oldest;
    }

    /// <summary>Empties the ring for good.</summary>
    public IReadOnlyList<FdToken> Close()
    {
        Closed = true;
        FdToken[] all = [.. _tokens];
        _tokens.Clear();
        _next = 0;
        return all;
    }
}
