using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Files;

/// <summary>
/// A process of the guest: who it is, its fd table, its limits. What rooms keep of it they keep themselves (<see cref="ProcessState{T}"/>);
/// it dies with the process, in the order of <see cref="ProcessRelease"/>.
/// </summary>
public sealed class GuestProcess : Caller
{
    private static int _slots;
    private object?[] _states = new object?[_slots];

    internal GuestProcess(GuestCore core, Handle128 handle, Handle128 secret, uint pid, string name)
        : base(core.Gate, pid, name)
    {
        Core = core;
        Handle = handle;
        Secret = secret;
        Fds = new FdTable(core.Limits.FdsPerProcess);
    }

    /// <summary>Random handle: whoever has it acts as the process.</summary>
    public Handle128 Handle { get; }

    /// <summary>Random secret that takes a process over again after a broken connection.</summary>
    public Handle128 Secret { get; }

    /// <summary>A process of the host stands behind it: its fds and mappings are a mirror (<c>GuestNatives</c>).</summary>
    public bool IsNative { get; internal set; }

    /// <summary>
    /// Nobody vouches for its user: what it makes for others ends with it (share tokens, RDMA devices), and all such processes of a guest
    /// together have half of what the guest has for all. Linux has no such processes.
    /// </summary>
    public bool Contained { get; internal set; }

    /// <summary>User of the process; 0 is root.</summary>
    public uint Uid { get; internal set; }

    /// <summary>Group of the process.</summary>
    public uint Gid { get; internal set; }

    /// <summary>
    /// /proc/self/oom_score_adj. A process with a value above 0 may be killed when memory runs out, the highest first; others are spared.
    /// </summary>
    public int OomScoreAdj { get; internal set; }

    /// <summary>Number of the signal that killed it, or null.</summary>
    public int? KilledBy { get; internal set; }

    /// <summary>Its memory cgroup; children made by fork are in the same.</summary>
    public MemoryCgroup Cgroup { get; internal set; } = new();

    /// <summary>Resource limits; set by <see cref="GuestProcesses.SetLimits"/>.</summary>
    public ProcessLimits Limits { get; internal set; } = new();

    /// <summary>Bytes that its drivers pinned and that count against <see cref="ProcessLimits.LockedBytes"/>.</summary>
    public ulong PinnedBytes { get; internal set; }

    /// <summary>What the rooms of its guest share.</summary>
    internal GuestCore Core { get; }

    internal FdTable Fds { get; }

    /// <summary>A slot for a room's own state, one for the life of the program; <see cref="ProcessState{T}"/> is how to use it.</summary>
    internal static int NewSlot() => Interlocked.Increment(ref _slots) - 1;

    /// <summary>The slot of a room.</summary>
    internal ref object? Slot(int slot)
    {
        if (slot >= _states.Length)
        {
            Array.Resize(ref _states, Math.Max(_slots, slot + 1));
        }

        return ref _states[slot];
    }
}
