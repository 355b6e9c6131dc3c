using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>
/// Share tokens in flight: each holds one reference on a buffer as an fd in an SCM_RIGHTS message does (S-BUF-90), survives its maker, is
/// single use, and expires.
/// </summary>
internal sealed class ShareTokenTable(TimeProvider time, int limit)
{
    // Redeemed tokens stay in the queue until they expire or are more than the others by this many.
    private const int MostRedeemed = 256;

    private readonly Dictionary<Handle128, Entry> _entries = [];
    private readonly PriorityQueue<Handle128, long> _byExpiry = new();

    public int Count => _entries.Count;

    /// <summary>Expiries kept, those of tokens long redeemed included.</summary>
    public int Scheduled => _byExpiry.Count;

    /// <summary>The files in flight, one for each token.</summary>
    public IEnumerable<GuestFile> Files => _entries.Values.Select(e => e.File);

    public bool IsFull => _entries.Count >= limit;

    /// <summary>Adds a token; the caller has taken the reference.</summary>
    public void Add(Handle128 token, GuestFile file, Handle128? addressee, TimeSpan life)
    {
        if (_byExpiry.Count > (2 * _entries.Count) + MostRedeemed)
        {
            (Handle128, long)[] live = [.. _byExpiry.UnorderedItems.Where(i => _entries.ContainsKey(i.Element))];
            _byExpiry.Clear();
            _byExpiry.EnqueueRange(live);
        }

        long expires = time.GetTimestamp() + (long)(life.TotalSeconds * time.TimestampFrequency);
        _entries.Add(token, new Entry(file, addressee));
        _byExpiry.Enqueue(token, expires);
    }

    /// <summary>The buffer that a process may have for a token, or null.</summary>
    public GuestFile? Find(Handle128 token, Handle128 importer) =>
        _entries.TryGetValue(token, out Entry entry) && (entry.Addressee is null || entry.Addressee == importer) ? entry.File : null;

    /// <summary>Takes a token out; its reference passes to the caller.</summary>
    public void Remove(Handle128 token) => _entries.Remove(token);

    /// <summary>Takes one expired token out and returns its buffer, whose reference passes to the caller; null when none is due.</summary>
    public GuestFile? TakeExpired()
    {
        long now = time.GetTimestamp();
        while (_byExpiry.TryPeek(out Handle128 token, out long expires) && expires <= now)
        {
            _byExpiry.Dequeue();
            if (_entries.Remove(token, out Entry entry))
            {
                return entry.File;
            }
        }

        return null;
    }

    /// <summary>Takes all tokens out; their references pass to the caller.</summary>
    public IReadOnlyList<GuestFile> Clear()
    {
        GuestFile[] buffers = [.. _entries.Values.Select(e => e.File)];
        _entries.Clear();
        _byExpiry.Clear();
        return buffers;
    }

    private readonly record struct Entry(GuestFile File, Handle128? Addressee);
}
