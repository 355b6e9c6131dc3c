using CocoGuest.Machine;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Processes;
using CocoGuest.Service.Broker;

namespace CocoGuest.Service.Processes;

/// <summary>Passes on what the machine tells, under the guest's lock, to those who note it.</summary>
internal sealed class MachineEvents(RevocationBoard board, ProcessSessions sessions) : IGuestObserver
{
    /// <inheritdoc/>
    public void MemoryRevoked(VisibleBacking backing, string reason) => board.Revoke(backing.Id, reason);

    /// <inheritdoc/>
    public void ProcessEnded(GuestProcess process) => sessions.OnProcessEnded(process);

    /// <inheritdoc/>
    public void GuestEnded(Guest guest, string reason) => sessions.OnGuestEnded(guest, reason);
}
