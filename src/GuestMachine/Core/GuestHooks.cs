using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine.Core;

/// <summary>
/// What a room tells or asks somebody above it whom it does not know. Each is set once, while the guest is put together. Rooms call them
/// under the guest's lock, but <see cref="RefreshNatives"/> before they take it.
/// </summary>
internal sealed class GuestHooks
{
    /// <summary>Called with the reason when the guest terminated itself: <c>Guest</c> ends its waits and tells the observer.</summary>
    public Action<string>? Ended { get; set; }

    /// <summary>Called when memory was taken back that others may have an fd on: the backing, and the reason for the observer.</summary>
    public Action<VisibleBacking, string>? MemoryRevoked { get; set; }

    /// <summary>Asks the supervisor what fds and mappings native processes have; called before such numbers are shown.</summary>
    public Action? RefreshNatives { get; set; }

    /// <summary>
    /// The guest is about to store planned bytes, so many; what to do when they are written, or null. A host that replays asks here.
    /// </summary>
    public Func<AccessPlan, int, Action?>? BeforeStore { get; set; }

    /// <summary>The OOM killer: kills a process for the caller, who found no page, and returns it; null: none may be killed.</summary>
    public Func<Caller, Caller?>? KillForMemory { get; set; }
}
