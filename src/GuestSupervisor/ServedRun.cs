using CocoGuest.Linux.Files;
using CocoGuest.Machine;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Reports;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor;

/// <summary>
/// A supervision inside a server: on a thread of its own, until no process has the filter any more or <see cref="Dispose"/> ends it.
/// </summary>
public sealed class ServedRun : IDisposable
{
    private readonly Guest _guest;
    private readonly IReadOnlyList<string> _program;
    private readonly Supervisor _supervisor;
    private readonly GuestSnapshot _before;
    private readonly SafeFileHandle _stopped;
    private readonly SafeFileHandle _stop;
    private readonly Task _serving;

    /// <param name="guest">The guest.</param>
    /// <param name="listener">The listener of the program's filter; closed at the end.</param>
    /// <param name="root">The program's first process.</param>
    /// <param name="options">How it is run, with the numbers of emulated fds.</param>
    /// <param name="program">The program and its arguments.</param>
    /// <param name="say">Told what a person should know.</param>
    public ServedRun(
        Guest guest, SafeFileHandle listener, int root, RunOptions options, IReadOnlyList<string> program, Action<string> say)
    {
        (_guest, _program) = (guest, program);
        _before = guest.Snapshot();
        _supervisor = new Supervisor(guest, listener, root, options, say);
        (_stopped, _stop) = Pipe.Create();
        _supervisor.Watch(_stopped, _supervisor.Stop);
        _serving = Task.Factory.StartNew(_supervisor.Serve, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>True where the kernel wakes caller and supervisor on one CPU.</summary>
    public bool WakesOnSameCpu => _supervisor.WakesOnSameCpu;

    /// <summary>Completes when no process has the filter any more.</summary>
    public Task Served => _serving;

    /// <summary>The report, once <see cref="Served"/> completed.</summary>
    public RunOutcome Finish(int exitCode, int leftRunning)
    {
        _supervisor.Settle();
        return RunOutcome.Of(new RunReport(
            _program, _guest.Shape, exitCode, _supervisor.Leaks, _guest.Faults.List(), leftRunning, _supervisor.Stopped,
            _supervisor.Log.Take(), _before, _guest.Snapshot())
        {
            GuestLocks = _guest.LocksTaken,
        });
    }

    /// <summary>Ends it; what the program still has of the guest is taken away.</summary>
    public void Dispose()
    {
        _stop.Dispose();
        _serving.Wait();
        _supervisor.Dispose();
        _stopped.Dispose();
    }
}
