using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Natives;

/// <content>What the mirror of a native process has at which number.</content>
public sealed partial class GuestNatives
{
    /// <summary>The numbers that the mirror has, in ascending order; none for a process that is gone.</summary>
    public IReadOnlyList<int> FdsOf(GuestProcess process)
    {
        using Lock.Scope held = _gate.Hold();
        return [.. process.Fds.OpenFds()];
    }
}
