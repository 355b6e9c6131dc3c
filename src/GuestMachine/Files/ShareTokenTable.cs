using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Files;

/// <summary>
/// Share tokens in flight: each holds one reference on a buffer as an fd in an SCM_RIGHTS message does (S-BUF-90), survives its maker, is
/// single use, and expires. Only those of contained processes end with their maker, and get half of the room.
/// </summary>
internal sealed class ShareTokenTable(TimeProvider time, int limit)
{
    // Redeemed tokens stay in the queue until they expire or are more than the others by this many.
    private const int MostRedeemed = 256;

    private readonly Dictionary<Handle128, Entry> _entries = [];
    private readonly PriorityQueue<Handle128, long> _byExpiry = new();
    private int _contained;

    public int Count => _entries.Count;

    /// <summary>Expiries kept, those of tokens long redeemed included.</summary>
    public int Scheduled => _byExpiry.Count;

    /// <summary>The files in flight, one for each token.</summary>
    public IEnumerable<GuestFile> Files => _entries.Values.Select(e => e.File);

    /// <summary>Whether there is no room for a token of this process.</summary>
    public bool IsFullFor(GuestProcess? maker) => _entries.Count >= limit
        || (maker is { Contained: true } && _contained >= limit / GuestLimits.ContainedPart);

    /// <summary>Adds a token; the caller has taken the reference.</summary>
    public void Add(Handle128 token, GuestFile file, Handle128? addressee, TimeSpan life, GuestProcess? maker = null)
    {
        if (_byExpiry.Count > (2 * _entries.Count) + MostRedeemed)
        {
            (Handle128, long)[] live = [.. _byExpiry.UnorderedItems.Where(i => _entries.ContainsKey(i.Element))];
            _byExpiry.Clear();
            _byExpiry.EnqueueRange(live);
        }

        long expires = time.GetTimestamp() + (long)(life.TotalSeconds * time.TimestampFrequency);
        _entries.Add(token, new Entry(file, addressee, maker is { Contained: true } ? maker : null));
        _contained += maker is { Contained: true } ? 1 : 0;
        _byExpiry.Enqueue(token, expires);
    }

    /// <summary>The buffer that a process may have for a token, or null.</summary>
    public GuestFile? Find(Handle128 token, Handle128 importer) =>
        _entries.TryGetValue(token, out Entry entry) && (entry.Addressee is null || entry.Addressee == importer) ? entry.File : null;

    /// <summary>Takes a token out; its reference passes to the caller.</summary>
    public void Remove(Handle128 token) => Take(token, out _);

    /// <summary>Takes the tokens out that end with their maker; their references pass to the caller.</summary>
    public IReadOnlyList<GuestFile> TakeOf(GuestProcess maker)
    {
        Handle128[] tokens = [.. _entries.Where(e => ReferenceEquals(e.Value.Maker, maker)).Select(e => e.Key)];
        List<GuestFile> files = [];
        foreach (Handle128 token in tokens)
        {
            Take(token, out Entry entry);
            files.Add(entry.File);
        }

        return files;
    }

    /// <summary>Takes one expired token out and returns its buffer, whose reference passes to the caller; null when none is due.</summary>
    public GuestFile? TakeExpired()
    {
        long now = time.GetTimestamp();
        while (_byExpiry.TryPeek(out Handle128 token, out long expires) && expires <= now)
        {
            _byExpiry.Dequeue();
            if (Take(token, out Entry entry))
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
        _contained = 0;
        return buffers;
    }

    private bool Take(Handle128 token, out Entry entry)
    {
        bool had = _entries.Remove(token, out entry);
        _contained -= had && entry.Maker is not null ? 1 : 0;
        return had;
    }

    private readonly record struct Entry(GuestFile File, Handle128? Addressee, GuestProcess? Maker);
}
