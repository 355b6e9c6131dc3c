using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Files;

/// <summary>
/// The live processes of a guest, and who holds something of them. Under the guest's lock.
/// Models: pids that rise, init, the choice of the OOM killer. Does not model: parents, sessions, threads.
/// </summary>
internal sealed class ProcessTable
{
    private readonly GuestCore _core;
    private readonly Dictionary<Handle128, GuestProcess> _processes = [];
    private uint _lastPid;
    private int _contained;

    public ProcessTable(GuestCore core)
    {
        _core = core;
        Init = Start("init");
    }

    /// <summary>The first process; it never exits.</summary>
    public GuestProcess Init { get; }

    /// <summary>The live processes.</summary>
    public IReadOnlyCollection<GuestProcess> All => _processes.Values;

    /// <summary>Who lets go when a process ends.</summary>
    public Holders<GuestProcess, ProcessRelease> Holders { get; } = new();

    /// <summary>EAGAIN at the limit of processes, and for contained ones at half of it.</summary>
    public Failure? CheckRoom(string operation, bool contained)
    {
        if (_processes.Count >= _core.Limits.Processes)
        {
            return new Failure(Errno.EAGAIN, operation, "check limit", $"The guest has {_processes.Count} processes already.");
        }

        return contained && _contained >= _core.Limits.Processes / GuestLimits.ContainedPart
            ? new Failure(Errno.EAGAIN, operation, "check limit", $"The guest has {_contained} processes of strangers already.")
            : null;
    }

    /// <summary>Adds a process.</summary>
    public GuestProcess Start(string name, bool contained = false)
    {
        var process = new GuestProcess(_core, _core.Secrets.Next(), _core.Secrets.Next(), ++_lastPid, name) { Contained = contained };
        _contained += contained ? 1 : 0;
        _processes.Add(process.Handle, process);
        return process;
    }

    /// <summary>The live process with this handle, or null.</summary>
    public GuestProcess? Find(Handle128 handle) => _processes.GetValueOrDefault(handle);

    /// <summary>Takes a process out: it is dead from here on. What it holds goes by <see cref="Holders"/>.</summary>
    public void Remove(GuestProcess process)
    {
        process.Alive = false;
        _contained -= process.Contained && _processes.Remove(process.Handle, out _) ? 1 : 0;
        _processes.Remove(process.Handle);
    }

    /// <summary>Empties every process in the order of their pids, init too; for the end of the guest.</summary>
    public void RemoveAll()
    {
        foreach (GuestProcess process in _processes.Values.OrderBy(p => p.Pid))
        {
            process.Alive = false;
            Holders.LetGo(process);
        }

        _processes.Clear();
    }

    /// <summary>
    /// The process that the OOM killer takes: the highest oom_score_adj above 0; of several the caller, then the youngest. Or null.
    /// </summary>
    public GuestProcess? OomVictim(GuestProcess caller) =>
        _processes.Values.Where(p => p.OomScoreAdj > 0)
            .OrderByDescending(p => p.OomScoreAdj).ThenByDescending(p => ReferenceEquals(p, caller)).ThenByDescending(p => p.Pid)
            .FirstOrDefault();
}
