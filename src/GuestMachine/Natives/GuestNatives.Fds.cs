using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;

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

    /// <summary>
    /// Numbers that the host's process uses for files that are not the machine's: no call of the guest's gives them out. All of them;
    /// those of the call before that are not among these are free again.
    /// </summary>
    /// <returns>ENOENT for a process that is gone.</returns>
    public Failure? Block(GuestProcess process, int[] numbers)
    {
        ArgumentNullException.ThrowIfNull(numbers);
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        process.Fds.Block(numbers);
        return null;
    }
}
