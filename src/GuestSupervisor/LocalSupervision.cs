using CocoGuest.Machine;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Reports;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor;

/// <summary>The guest is in this process, and so is the supervisor: on the thread that runs the program.</summary>
/// <param name="guest">The guest.</param>
/// <param name="say">Told what a person should know.</param>
public sealed class LocalSupervision(Guest guest, Action<string> say) : ISupervision
{
    private Supervisor? _supervisor;
    private GuestSnapshot? _before;
    private IReadOnlyList<string> _program = [];

    /// <inheritdoc/>
    public bool IsForeign => false;

    /// <summary>True where the kernel wakes caller and supervisor synchronously.</summary>
    public bool WakesOnSameCpu => _supervisor is { WakesOnSameCpu: true };

    /// <inheritdoc/>
    public void Begin(SafeFileHandle listener, int root, RunOptions options, IReadOnlyList<string> program)
    {
        _supervisor = new Supervisor(guest, listener, root, options, say);
        _before = guest.Snapshot();
        _program = program;
    }

    /// <inheritdoc/>
    public bool Serve(SafeFileHandle ended)
    {
        Supervisor supervisor = Begun;
        supervisor.Watch(ended, supervisor.Stop);
        supervisor.Serve();
        return true;
    }

    /// <inheritdoc/>
    public RunOutcome Finish(int exitCode, int leftRunning)
    {
        Begun.Settle();
        // Bouncing, conversions, slots: as they are before the guest ends.
        return RunOutcome.Of(new RunReport(
            _program, guest.Shape, exitCode, Begun.Leaks, guest.Faults.List(), leftRunning, Begun.Stopped, Begun.Log.Take(), _before!,
            guest.Snapshot())
        {
            GuestLocks = guest.LocksTaken,
        });
    }

    /// <inheritdoc/>
    public void Dispose() => _supervisor?.Dispose();

    private Supervisor Begun => _supervisor ?? throw new InvalidOperationException("Begin comes first.");
}
