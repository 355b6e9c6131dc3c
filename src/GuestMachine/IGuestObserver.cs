using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine;

/// <summary>
/// Who is told of things that happen to a guest. Called under the guest's lock: an implementation only notes the event (a channel, a queue)
/// and never calls back into the guest.
/// </summary>
public interface IGuestObserver
{
    /// <summary>A guest was made and booted. Called under the registry's lock.</summary>
    /// <param name="guest">The guest.</param>
    void GuestCreated(Guest guest)
    {
    }

    /// <summary>Memory that may have been handed out by fd was taken back; its old mappings read zeros.</summary>
    /// <param name="backing">The memory.</param>
    /// <param name="reason">"released", "private" or "guest ended".</param>
    void MemoryRevoked(VisibleBacking backing, string reason);

    /// <summary>A process is gone with all it held.</summary>
    /// <param name="process">The process.</param>
    void ProcessEnded(GuestProcess process);

    /// <summary>True while page states are watched: only then is <see cref="PagesChanged"/> called.</summary>
    bool WatchesPages => false;

    /// <summary>Pages changed their state.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="change">A run of them.</param>
    void PagesChanged(Guest guest, PageState.PageStateChange change)
    {
    }

    /// <summary>An access faulted.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="fault">What, where, and who gets the event.</param>
    void PageFaulted(Guest guest, PageState.Views.PageFault fault)
    {
    }

    /// <summary>The guest stopped: it was destroyed or terminated itself (S-SNP-37).</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="reason">A sentence.</param>
    void GuestEnded(Guest guest, string reason);

    /// <summary>A dynamic importer has to unmap: the exporter moves the buffer (S-BUF-56).</summary>
    /// <param name="importer">The importer.</param>
    /// <param name="attachment">Its attachment.</param>
    /// <param name="within">Guest time that it has for that.</param>
    void AttachmentInvalidated(GuestProcess importer, ulong attachment, TimeSpan within)
    {
    }

    /// <summary>An importer was cut off from a buffer that moved: its mapping is gone, and it cannot map again.</summary>
    /// <param name="importer">The importer.</param>
    /// <param name="attachment">Its attachment.</param>
    /// <param name="reason">ETIMEDOUT: it did not unmap in time; EOPNOTSUPP: it has no invalidate callback to be told by.</param>
    void AttachmentRevoked(GuestProcess importer, ulong attachment, Errno reason)
    {
    }
}
