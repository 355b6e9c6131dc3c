using CocoGuest.Machine;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Profiles;
using CocoGuest.Supervisor.Calls;

namespace CocoGuest.Supervisor.Reports;

/// <summary>What there is to say after a run.</summary>
/// <param name="Program">The program and its arguments.</param>
/// <param name="Shape">The guest.</param>
/// <param name="ExitCode">The program's; 128 and the signal's number if one ended it.</param>
/// <param name="Leaks">What it never closed.</param>
/// <param name="Faults">Armed faults and how often each fired.</param>
/// <param name="LeftRunning">Processes that it left running, which were killed.</param>
/// <param name="StoppedCalls">Calls that the supervisor saw.</param>
/// <param name="Calls">What the guest answered, in order: <c>ioctl DMA_HEAP_IOCTL_ALLOC EIO</c>; the first
/// <see cref="CallLog.Most"/>.</param>
/// <param name="Before">The guest before the program began.</param>
/// <param name="Guest">The guest at the end, before it is taken apart.</param>
public sealed record RunReport(
    IReadOnlyList<string> Program,
    GuestShape Shape,
    int ExitCode,
    IReadOnlyList<Leak> Leaks,
    IReadOnlyList<FaultStatus> Faults,
    int LeftRunning,
    ulong StoppedCalls,
    IReadOnlyList<string> Calls,
    GuestSnapshot Before,
    GuestSnapshot Guest)
{
    /// <summary>How often the guest's lock was taken from its start to the end of the run.</summary>
    public ulong GuestLocks { get; init; }

    /// <summary>Faults that were armed and never fired: the run tested less than it was meant to.</summary>
    public IEnumerable<FaultStatus> Unfired => Faults.Where(f => f.Fired == 0);
}
