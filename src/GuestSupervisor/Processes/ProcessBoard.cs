using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Processes;

/// <summary>
/// The host processes that have touched the guest. One is entered when it first does, and leaves when it ends: the program's children
/// need no announcement.
/// </summary>
internal sealed class ProcessBoard
{
    private readonly Guest _guest;
    private readonly EventSet _events;
    private readonly RunOptions _options;
    private readonly Dictionary<int, SupervisedProcess> _byPid = [];
    private readonly Dictionary<int, int> _processOfThread = [];
    private readonly HashSet<int> _known = [];

    public ProcessBoard(Guest guest, EventSet events, RunOptions options)
    {
        _guest = guest;
        _events = events;
        _options = options;
    }

    /// <summary>Told of every process that ended, before its machine process ends.</summary>
    public event Action<SupervisedProcess>? Ended;

    /// <summary>Those that live.</summary>
    public IReadOnlyCollection<SupervisedProcess> All => _byPid.Values;

    /// <summary>How many there have been.</summary>
    public int Total { get; private set; }

    /// <summary>True if a process of the run has, or had, this pid.</summary>
    public bool Knew(int pid) => _known.Contains(pid);

    /// <summary>The pid of a thread's process.</summary>
    public int PidOf(int tid)
    {
        // A thread's number may have been given to another process since; that of a process that has not ended has not.
        if (_processOfThread.TryGetValue(tid, out int known)
            && ((known == tid && _byPid.ContainsKey(tid)) || ProcFolder.HasThread(known, tid)))
        {
            return known;
        }

        int pid = ProcFolder.ProcessOf(tid) ?? tid;
        return _processOfThread[tid] = pid;
    }

    /// <summary>The process of a thread, entered if it is new.</summary>
    /// <returns>EAGAIN when the guest has no room for another process, ENOENT when it is gone.</returns>
    public Result<SupervisedProcess> Of(int tid)
    {
        int pid = PidOf(tid);
        return _byPid.TryGetValue(pid, out SupervisedProcess? known) ? known : Enter(pid);
    }

    /// <summary>The process with a pid, if it has touched the guest.</summary>
    public SupervisedProcess? Find(int pid) => _byPid.GetValueOrDefault(pid);

    /// <summary>The pidfd of a machine's process; null: it is not one of the run.</summary>
    public SafeFileHandle? HandleOf(GuestProcess machine) => _byPid.Values.FirstOrDefault(p => ReferenceEquals(p.Machine, machine))?.Handle;

    private Result<SupervisedProcess> Enter(int pid)
    {
        if (HostFile.OpenProcess(pid) is not { } handle)
        {
            return new Failure(Errno.ENOENT, "enter process", "open pidfd", $"Process {pid} is gone.");
        }

        Result<GuestProcess> opened =
            _guest.Natives.Open(ProcFolder.NameOf(pid), _options.Uid, _options.Gid, _options.FdFloor, _options.FdLimit);
        if (!opened.Ok)
        {
            handle.Dispose();
            return opened.Failure;
        }

        _guest.Processes.SetOomScoreAdj(opened.Value, ProcFolder.OomScoreAdjOf(pid));
        var process = new SupervisedProcess(pid, opened.Value, handle);
        process.EndWatch = _events.Add(handle, EventSet.Readable, () => Leave(process));
        _byPid.Add(pid, process);
        Total++;
        _known.Add(pid);
        return process;
    }

    /// <summary>Those that the guest's kernel killed, as its OOM killer does, end in the host, too.</summary>
    public void EndKilled()
    {
        foreach (SupervisedProcess process in _byPid.Values)
        {
            if (!process.Machine.Alive && process.Machine.KilledBy is { } signal)
            {
                HostFile.Signal(process.Handle, signal);
            }
        }
    }

    private void Leave(SupervisedProcess process)
    {
        _events.Remove(process.EndWatch);
        _byPid.Remove(process.Pid);
        _processOfThread.Clear();
        Ended?.Invoke(process);
        _guest.Processes.End(process.Machine);
        process.Handle.Dispose();
    }
}
