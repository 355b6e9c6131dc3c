namespace CocoGuest.Client.Internal;

/// <summary>
/// Finds the mappings of a backing id. News may come by the broker and by the process's stream, in any order, also before the mapping is
/// registered: ids revoked once stay revoked, since a backing id is never used again.
/// </summary>
internal sealed class RevocationRegistry
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, List<DirectMemory>> _live = [];
    private readonly Dictionary<ulong, string> _revoked = [];
    private string? _all;

    public void Add(DirectMemory memory)
    {
        string? reason;
        lock (_lock)
        {
            if (!_live.TryGetValue(memory.BackingId, out List<DirectMemory>? list))
                _live.Add(memory.BackingId, list = []);
            list.Add(memory);
            reason = _all ?? _revoked.GetValueOrDefault(memory.BackingId);
        }

        if (reason is not null)
            memory.Revoke(reason);
    }

    public void Remove(DirectMemory memory)
    {
        lock (_lock)
        {
            if (_live.TryGetValue(memory.BackingId, out List<DirectMemory>? list) && list.Remove(memory) && list.Count == 0)
                _live.Remove(memory.BackingId);
        }
    }

    public void Revoke(ulong backingId, string reason)
    {
        DirectMemory[] hit;
        lock (_lock)
        {
            _revoked.TryAdd(backingId, reason);
            hit = _live.TryGetValue(backingId, out List<DirectMemory>? list) ? [.. list] : [];
        }

        foreach (DirectMemory memory in hit)
            memory.Revoke(reason);
    }

    public void RevokeAll(string reason)
    {
        DirectMemory[] hit;
        lock (_lock)
        {
            _all = reason;
            hit = [.. _live.Values.SelectMany(list => list)];
        }

        foreach (DirectMemory memory in hit)
            memory.Revoke(reason);
    }
}
