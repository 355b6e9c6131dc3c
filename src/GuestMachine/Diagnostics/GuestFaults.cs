using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Gate;

namespace CocoGuest.Machine.Diagnostics;

/// <summary>
/// Fault injection of a guest: arming, listing, clearing, fail-nth, and the check that every armed fault fired.
/// Models: the kernel's fault attributes on the points of <see cref="FaultPointInfo"/>.
/// </summary>
public sealed class GuestFaults
{
    private readonly GuestGate _gate;
    private readonly FaultBoard _board;

    internal GuestFaults(GuestGate gate, FaultBoard board)
    {
        _gate = gate;
        _board = board;
    }

    /// <summary>Arms a fault.</summary>
    /// <returns>Its number; EINVAL for an attribute that the point does not have, ENOSPC at <see cref="FaultSpec.MostPerGuest"/>.</returns>
    public Result<ulong> Inject(FaultSpec spec)
    {
        using CallScope call = _gate.Enter();
        return (call.Refused ?? spec.Check()) is { } failure ? failure
            : _board.Armed.Count >= FaultSpec.MostPerGuest
                ? new Failure(Errno.ENOSPC, "inject_fault", "check limit", $"{_board.Armed.Count} faults are armed already.")
            : _board.Arm(spec);
    }

    /// <summary>The armed faults, in the order in which they were armed, with what became of them.</summary>
    public IReadOnlyList<FaultStatus> List()
    {
        using Lock.Scope held = _gate.Hold();
        return [.. _board.Armed.Select(f => f.Status)];
    }

    /// <summary>Disarms one fault: ENOENT when there is none with this number.</summary>
    public Failure? Clear(ulong id)
    {
        using Lock.Scope held = _gate.Hold();
        return _board.Disarm(id) ? null : new Failure(Errno.ENOENT, "clear_fault", "look up fault", $"No fault {id} is armed.", "fault_id");
    }

    /// <summary>Disarms all faults.</summary>
    public void ClearAll()
    {
        using Lock.Scope held = _gate.Hold();
        _board.Clear();
    }

    /// <summary>The armed faults that never fired: a test that armed them tested nothing.</summary>
    public IReadOnlyList<FaultStatus> NeverFired() => [.. List().Where(f => f.Fired == 0)];

    /// <summary>
    /// /proc/self/fail-nth: the n-th call of an allocation point by this process fails, once. 0 disarms.
    /// </summary>
    public Failure? SetFailNth(Caller process, uint n)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        process.FailNth = n;
        return null;
    }

    /// <summary>What is left of fail-nth (0 once it hit or when it is off) and how often it hit in this process' life.</summary>
    public (uint Left, ulong Hits) FailNthOf(Caller process)
    {
        using Lock.Scope held = _gate.Hold();
        return (process.FailNth, process.FailNthHits);
    }
}
