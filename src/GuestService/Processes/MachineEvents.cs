using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Service.Streams;
using CocoGuest.V1;
using PageStateChange = CocoGuest.Machine.PageState.PageStateChange;

namespace CocoGuest.Service.Processes;

/// <summary>Passes on what the machine tells, under the guest's lock, to those who note it.</summary>
internal sealed class MachineEvents(RevocationBoard board, ProcessSessions sessions, GuestFollowers followers, GuestSizes sizes)
    : IGuestObserver
{
    /// <inheritdoc/>
    public void GuestCreated(Guest guest)
    {
        sessions.OnGuestCreated(guest);
        sizes.OnGuestCreated(guest);
    }

    /// <inheritdoc/>
    public void MemoryRevoked(VisibleBacking backing, string reason) => board.Revoke(backing.Id, reason);

    /// <inheritdoc/>
    public void ProcessEnded(GuestProcess process) => sessions.OnProcessEnded(process);

    /// <inheritdoc/>
    public bool WatchesPages => followers.WatchesPages;

    /// <inheritdoc/>
    public void PagesChanged(Guest guest, PageStateChange change) => followers.OnPagesChanged(guest, change);

    /// <inheritdoc/>
    public void AttachmentInvalidated(GuestProcess importer, ulong attachment, TimeSpan within)
    {
        var told = new AttachmentInvalidated { Attachment = attachment, WithinNanoseconds = (ulong)within.Ticks * 100 };
        sessions.Tell(importer, new OpenProcessResponse { AttachmentInvalidated = told });
    }

    /// <inheritdoc/>
    public void AttachmentRevoked(GuestProcess importer, ulong attachment, Errno reason) => sessions.Tell(importer, new OpenProcessResponse
    {
        AttachmentRevoked = new AttachmentRevoked { Attachment = attachment, Reason = reason.ToString() },
    });

    /// <inheritdoc/>
    public void GuestEnded(Guest guest, string reason)
    {
        sessions.OnGuestEnded(guest, reason);
        followers.OnGuestEnded(guest, reason);
    }
}
