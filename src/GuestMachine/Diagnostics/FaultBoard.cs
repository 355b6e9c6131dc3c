using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Gate;

namespace CocoGuest.Machine.Diagnostics;

/// <summary>
/// The armed faults of a guest, asked by the machine at each fault point. Under the guest's lock.
/// Models: the kernel's fault injection (attributes, fail-nth of the running task) for the points of <see cref="FaultPointInfo"/>.
/// </summary>
/// <param name="gate">Knows whose call runs: who the task filter and fail-nth look at.</param>
internal sealed class FaultBoard(GuestGate gate)
{
    private readonly List<ArmedFault> _armed = [];
    private ulong _lastId;

    public IReadOnlyList<ArmedFault> Armed => _armed;

    public ulong Arm(FaultSpec spec)
    {
        _armed.Add(new ArmedFault(++_lastId, spec));
        return _lastId;
    }

    /// <summary>Disarms one fault; false when there is none with this number.</summary>
    public bool Disarm(ulong id) => _armed.RemoveAll(f => f.Status.Id == id) != 0;

    /// <summary>Disarms all.</summary>
    public void Clear() => _armed.Clear();

    /// <summary>Whether this call of a point fails.</summary>
    /// <param name="point">The point.</param>
    /// <param name="bytes">Size of what is asked for, for <c>space</c>.</param>
    /// <param name="order">Page order, for <c>min-order</c>.</param>
    public bool Fails(FaultPoint point, ulong bytes = 0, int order = 0) => FailsWith(point, bytes, order) is not null;

    /// <summary>As <see cref="Fails"/>, with the errno to report.</summary>
    public Errno ErrnoOf(FaultPoint point, ulong bytes = 0) => FailsWith(point, bytes, 0) ?? Errno.None;

    /// <summary>True while no point can fail.</summary>
    public bool Quiet => _armed.Count == 0 && (gate.Current is null || gate.Current.FailNth == 0);

    private Errno? FailsWith(FaultPoint point, ulong bytes, int order)
    {
        if (Quiet)
        {
            return null;
        }

        var info = FaultPointInfo.Of(point);
        if (info.CountsForFailNth && gate.Current is { FailNth: not 0 } task)
        {
            // As in the kernel: while a task counts down, nothing else decides for it.
            return --task.FailNth == 0 ? Hit(task, info) : null;
        }

        foreach (ArmedFault fault in _armed)
        {
            if (fault.Spec.Point == point && fault.ShouldFail(gate.Current?.Pid ?? 0, bytes, order))
            {
                return fault.Spec.Errno == Errno.None ? info.DefaultErrno : fault.Spec.Errno;
            }
        }

        return null;
    }

    private static Errno Hit(Caller task, FaultPointInfo info)
    {
        task.FailNthHits++;
        return info.DefaultErrno;
    }
}
