using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine.Core;

/// <summary>
/// What a room tells or asks somebody above it whom it does not know. Set once, while the guest is put together; called under its lock.
/// </summary>
internal sealed class GuestHooks
{
    /// <summary>The guest terminated itself: waits end, and the observer hears of it. The argument says why.</summary>
    public Action<string>? Ended { get; set; }

    /// <summary>Memory that may have been handed out by fd was taken back: the backing, and the reason as the observer gets it.</summary>
    public Action<VisibleBacking, string>? MemoryRevoked { get; set; }

    /// <summary>Brings up to date what the guest knows of its native processes; called before anything that counts or compares.</summary>
    public Action? RefreshNatives { get; set; }

    /// <summary>
    /// The guest is about to store planned bytes, so many; what to do when they are written, or null. A host that replays asks here.
    /// </summary>
    public Func<AccessPlan, int, Action?>? BeforeStore { get; set; }

    /// <summary>The OOM killer: kills somebody for the caller, who ran out of memory; null: nobody may be killed.</summary>
    public Func<Caller, Caller?>? KillForMemory { get; set; }
}
