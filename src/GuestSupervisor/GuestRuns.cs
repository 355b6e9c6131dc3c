using System.Runtime.CompilerServices;
using CocoGuest.Machine;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Processes;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor;

/// <summary>
/// What the runs of one guest share: the emulated files, since a program may send its fds to one of another run, and the lock that their
/// supervisors take in turn.
/// </summary>
internal sealed class GuestRuns
{
    private static readonly ConditionalWeakTable<Guest, GuestRuns> Known = [];
    private readonly List<(ProcessBoard Processes, Mirror Mirror)> _runs = [];
    private FileBoard? _files;

    /// <summary>The guest's.</summary>
    public static GuestRuns Of(Guest guest) => Known.GetOrCreateValue(guest);

    /// <summary>Taken by each supervisor for whatever it does.</summary>
    public Lock Gate { get; } = new();

    /// <summary>A run begins.</summary>
    /// <returns>The emulated files of the guest, and what finds them in the run's processes.</returns>
    public (FileBoard Files, Mirror Mirror) Join(Guest guest, ProcessBoard processes, int root)
    {
        lock (Gate)
        {
            _files ??= NewBoard(guest);
            var mirror = new Mirror(guest, _files, processes, root);
            _runs.Add((processes, mirror));
            HostMemfds.Of(guest).Add(processes);
            return (_files, mirror);
        }
    }

    /// <summary>A run is over. What other runs do not have of it is closed; with the last, everything.</summary>
    public void Leave(Guest guest, ProcessBoard processes)
    {
        lock (Gate)
        {
            HostMemfds.Of(guest).Remove(processes);
            _runs.RemoveAll(r => r.Processes == processes);
            _files!.TakeClosed();
            if (_runs.Count == 0)
            {
                _files.EndAll();
                _files.Dispose();
                _files = null;
            }
        }
    }

    /// <summary>True if a process of any run that has not called exit has an fd or a mapping of the file.</summary>
    public bool IsUsed(EmulatedFile file) => _runs.Any(r => r.Mirror.IsOpen(file, pid => r.Processes.Find(pid) is not { Exits: true }));

    /// <summary>The file of the machine that an fd of this process stands for, or null.</summary>
    public NativeFile? FileOf(SafeFileHandle file)
    {
        lock (Gate)
        {
            return _files?.Find(HostFile.IdentityOf(file)) is { } found && (!found.IsProgramsOwn || HostFile.IsOurs(file))
                ? found.Machine
                : null;
        }
    }

    private FileBoard NewBoard(Guest guest)
    {
        var files = new FileBoard { IsOpen = file => _runs.Any(r => r.Mirror.IsOpen(file, static _ => true)) };
        files.Ended = file =>
        {
            if (file.Machine is { } machine)
            {
                guest.Natives.Closed(machine);
            }
        };
        return files;
    }
}
