using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Service.Processes;

/// <summary>
/// Who holds which backing: filled when an fd token is redeemed, emptied when the memory is taken back or the holder goes.
/// </summary>
/// <remarks>
/// The own lock is a leaf: it is taken under the guest's lock (from the observer) and calls out to nobody but listeners, which only note.
/// </remarks>
internal sealed class RevocationBoard
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, HashSet<IRevocationListener>> _holders = [];
    private readonly Dictionary<IRevocationListener, HashSet<ulong>> _held = [];

    /// <summary>Notes a holder. Memory that was taken back in the meantime is reported to it at once.</summary>
    public void Add(VisibleBacking backing, IRevocationListener holder)
    {
        lock (_lock)
        {
            AddPair(_holders, backing.Id, holder);
            AddPair(_held, holder, backing.Id);
        }

        // The machine marks the backing before it tells us: either it tells us after the line above, or the mark shows here.
        if (backing.Revoked)
        {
            Revoke(backing.Id, "released");
        }
    }

    /// <summary>Tells all holders, once.</summary>
    public void Revoke(ulong backingId, string reason)
    {
        lock (_lock)
        {
            if (_holders.Remove(backingId, out HashSet<IRevocationListener>? holders))
            {
                foreach (IRevocationListener holder in holders)
                {
                    RemovePair(_held, holder, backingId);
                    holder.OnRevoked(backingId, reason);
                }
            }
        }
    }

    /// <summary>A holder is gone.</summary>
    public void Remove(IRevocationListener holder)
    {
        lock (_lock)
        {
            if (_held.Remove(holder, out HashSet<ulong>? backings))
            {
                foreach (ulong backing in backings)
                {
                    RemovePair(_holders, backing, holder);
                }
            }
        }
    }

    private static void AddPair<TKey, TValue>(Dictionary<TKey, HashSet<TValue>> map, TKey key, TValue value)
        where TKey : notnull
    {
        if (!map.TryGetValue(key, out HashSet<TValue>? values))
        {
            map.Add(key, values = []);
        }

        values.Add(value);
    }

    private static void RemovePair<TKey, TValue>(Dictionary<TKey, HashSet<TValue>> map, TKey key, TValue value)
        where TKey : notnull
    {
        if (map.TryGetValue(key, out HashSet<TValue>? values) && values.Remove(value) && values.Count == 0)
        {
            map.Remove(key);
        }
    }
}
