using System.Threading.Channels;
using CocoGuest.Machine;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.V1;
using PageStateChange = CocoGuest.Machine.PageState.PageStateChange;

namespace CocoGuest.Service.Streams;

/// <summary>
/// One stream's view of a guest: whether there is news, which pages changed, whether the guest ended. Told under the guest's lock, so it
/// only notes. News that come while the stream still writes are one piece of news.
/// </summary>
internal sealed class GuestFollower : IDisposable
{
    /// <summary>Page changes that wait for a slow reader; beyond, they are counted and dropped.</summary>
    public const int ChangeLimit = 4096;

    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Lock _lock = new();
    private readonly GuestFollowers _owner;
    private readonly FrameRange? _pages;
    private List<PageStateChange> _changes = [];
    private ulong _lost;
    private volatile string? _endReason;

    /// <summary>A follower of a guest; made by <see cref="GuestFollowers.Follow"/>.</summary>
    /// <param name="owner">Who tells it.</param>
    /// <param name="guest">The guest.</param>
    /// <param name="pages">Pages whose changes it notes; null: none.</param>
    public GuestFollower(GuestFollowers owner, Guest guest, FrameRange? pages)
    {
        _owner = owner;
        _pages = pages;
        Guest = guest;
    }

    /// <summary>The guest.</summary>
    public Guest Guest { get; }

    /// <summary>Whether it notes page changes.</summary>
    public bool WatchesPages => _pages is not null;

    /// <summary>There is news.</summary>
    public void Tell() => _news.Writer.TryWrite(true);

    /// <summary>The guest ended: nothing follows.</summary>
    public void End(string reason)
    {
        _endReason = reason;
        Tell();
    }

    /// <summary>Notes a change that touches its pages.</summary>
    public void Note(PageStateChange change)
    {
        if (_pages is not { } pages || change.Range.First >= pages.End || pages.First >= change.Range.End)
        {
            return;
        }

        lock (_lock)
        {
            if (_changes.Count == ChangeLimit)
            {
                _lost++;
            }
            else
            {
                _changes.Add(change);
            }
        }

        Tell();
    }

    /// <summary>Takes the changes noted so far, and how many were dropped after them.</summary>
    public (IReadOnlyList<PageStateChange> Changes, ulong Lost) TakeChanges()
    {
        lock (_lock)
        {
            (List<PageStateChange> changes, ulong lost) = (_changes, _lost);
            (_changes, _lost) = ([], 0);
            return (changes, lost);
        }
    }

    /// <summary>Sends what there is, then what comes, until the guest or the client's call ends.</summary>
    /// <param name="drain">Sends all there is at the moment.</param>
    /// <param name="sendEnd">Sends how the guest ended.</param>
    /// <param name="once">Only what there is.</param>
    /// <param name="callEnd">Fires when the client's call is over.</param>
    public async Task RunAsync(
        Func<CancellationToken, Task> drain, Func<GuestEnded, CancellationToken, Task> sendEnd, bool once, CancellationToken callEnd)
    {
        try
        {
            string? ended = null;
            while (ended is null)
            {
                // Read before the rest is sent: whatever the guest did, it did before its end.
                ended = _endReason;
                await drain(callEnd);
                if (once)
                {
                    return;
                }

                if (ended is null)
                {
                    await _news.Reader.ReadAsync(callEnd);
                }
            }

            await sendEnd(new GuestEnded { Reason = ended }, callEnd);
        }
        catch (Exception) when (callEnd.IsCancellationRequested)
        {
            // The client went away; whatever the write said about that is no news.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _owner.Leave(this);
}
