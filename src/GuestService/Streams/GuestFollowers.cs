using CocoGuest.Machine;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;

namespace CocoGuest.Service.Streams;

/// <summary>
/// The streams that follow guests. Lock order: the guest's lock, then this one; so nothing here calls into the machine with this lock held.
/// </summary>
internal sealed class GuestFollowers
{
    private readonly Lock _lock = new();
    private readonly List<GuestFollower> _followers = [];
    private volatile int _pageWatches;

    /// <summary>True while a stream watches pages.</summary>
    public bool WatchesPages => _pageWatches != 0;

    /// <summary>Streams at the moment.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _followers.Count;
            }
        }
    }

    /// <summary>Follows a guest until disposed. One that ended already has ended for the follower, too.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="pages">Pages to watch; null: none.</param>
    public GuestFollower Follow(Guest guest, FrameRange? pages = null)
    {
        var follower = new GuestFollower(this, guest, pages);
        lock (_lock)
        {
            _followers.Add(follower);
            _pageWatches += follower.WatchesPages ? 1 : 0;
        }

        // It may have ended between its look-up and this moment.
        if (guest.EndReason is { } reason)
        {
            follower.End(reason);
        }

        return follower;
    }

    /// <summary>The stream is over.</summary>
    public void Leave(GuestFollower follower)
    {
        lock (_lock)
        {
            if (_followers.Remove(follower))
            {
                _pageWatches -= follower.WatchesPages ? 1 : 0;
            }
        }
    }

    /// <summary>Pages changed. Under the guest's lock.</summary>
    public void OnPagesChanged(Guest guest, PageStateChange change) => Each(guest, f => f.Note(change));

    /// <summary>A guest is gone. Under the guest's lock.</summary>
    public void OnGuestEnded(Guest guest, string reason) => Each(guest, f => f.End(reason));

    private void Each(Guest guest, Action<GuestFollower> tell)
    {
        lock (_lock)
        {
            foreach (GuestFollower follower in _followers)
            {
                if (ReferenceEquals(follower.Guest, guest))
                {
                    tell(follower);
                }
            }
        }
    }
}
