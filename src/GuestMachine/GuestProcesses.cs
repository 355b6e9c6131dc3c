using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Mappings;

namespace CocoGuest.Machine;

/// <summary>
/// Processes of a guest: opening, finding, ending.
/// Models: the order of a process' end: calls that wait, mappings in address order, fds in ascending order, then devices with their
/// attachments, newest first, as the last close of a driver's file does. Share tokens in flight survive their maker (S-BUF-90),
/// unless that is contained.
/// Does not model: threads, signals.
/// </summary>
public sealed class GuestProcesses
{
    /// <summary>SIGKILL.</summary>
    internal const int SignalKill = 9;

    private const int MostOomScoreAdj = 1000;
    private const int NameLimit = 64;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly ProcessTable _table;
    private readonly GuestMappings _mappings;
    private readonly GuestFences _fences;

    internal GuestProcesses(GuestCore core, ProcessTable table, GuestMappings mappings, GuestFences fences)
    {
        _core = core;
        _gate = core.Gate;
        _table = table;
        _mappings = mappings;
        _fences = fences;
        core.Hooks.KillForMemory = KillForMemory;
    }

    /// <summary>Called when a process is gone with all it held.</summary>
    internal Action<GuestProcess>? Ended { get; set; }

    /// <summary>The guest's long-lived first process; it never exits.</summary>
    public GuestProcess Init => _table.Init;

    internal IReadOnlyCollection<GuestProcess> All => _table.All;

    /// <summary>Starts a process.</summary>
    /// <param name="name">For people, at most 64 characters.</param>
    /// <param name="contained">Nobody vouches for its user (<see cref="GuestProcess.Contained"/>).</param>
    /// <returns>EINVAL for a long name, EAGAIN at the limit, EOWNERDEAD when the guest is gone.</returns>
    public Result<GuestProcess> Open(string name, bool contained = false)
    {
        using CallScope call = _gate.Enter();
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (name.Length > NameLimit)
        {
            return new Failure(Errno.EINVAL, "open_process", "check name",
                $"The name has {name.Length} characters; at most {NameLimit}.", "name");
        }

        return _table.CheckRoom("open_process", contained) is { } full ? full : _table.Start(name, contained);
    }

    /// <summary>
    /// fork: a child with the same open files and mappings. Pages of its own are shared with the parent until one of them writes; mappings
    /// of buffers are shared for good. Attachments, devices and pins stay the parent's.
    /// </summary>
    /// <returns>EAGAIN at the limit of processes, ENOMEM for the copies of pinned pages, ENOENT for a process that is gone.</returns>
    public Result<GuestProcess> Fork(GuestProcess parent)
    {
        using CallScope call = _gate.Enter(parent);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (_table.CheckRoom("fork", parent.Contained) is { } full)
        {
            return full;
        }

        GuestProcess child = _table.Start(parent.Name, parent.Contained);
        child.Limits = parent.Limits;
        child.Fds.CopyFrom(parent.Fds);
        (child.Uid, child.Gid, child.OomScoreAdj, child.Cgroup) = (parent.Uid, parent.Gid, parent.OomScoreAdj, parent.Cgroup);
        child.IsNative = parent.IsNative;
        child.Addresses.Ceiling = parent.Addresses.Ceiling;
        CopyMappings(parent, child);
        foreach ((ulong address, OwnPage page) in parent.Addresses.Pages.OrderBy(p => p.Key))
        {
            if (child.Addresses.Find(address) is not { WipedOnFork: false })
            {
                continue;
            }

            // A pinned page stays with the process whose driver has it: the child gets a copy of its own at once.
            Result<OwnPage> shared = page.Pins == 0 ? page.Shared() : _mappings.Duplicate(page);
            if (!shared.Ok)
            {
                End(child);
                return shared.Failure;
            }

            child.Addresses.Pages.Add(address, shared.Value);
        }

        return child;
    }

    /// <summary>setrlimit and the capability that goes with it. What the process has already stays.</summary>
    /// <returns>EINVAL for a number of open files that is negative or above the guest's limit.</returns>
    public Failure? SetLimits(GuestProcess process, ProcessLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        int most = limits.OpenFiles ?? _core.Limits.FdsPerProcess;
        if (most < 0 || most > _core.Limits.FdsPerProcess)
        {
            return new Failure(Errno.EINVAL, "setrlimit", "check limit",
                $"{most} open files are not between 0 and {_core.Limits.FdsPerProcess}.", "open_files");
        }

        process.Limits = limits;
        process.Fds.Limit = most;
        return null;
    }

    /// <summary>execve: the mappings go, and the fds with close-on-exec.</summary>
    public Failure? Exec(GuestProcess process)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        _mappings.DropAll(process);
        foreach (int fd in process.Fds.OpenFds().Where(process.Fds.IsCloseOnExec).ToArray())
        {
            GuestFiles.Put(process.Fds.Remove(fd)!);
        }

        return null;
    }

    /// <summary>The live process with this handle, or null.</summary>
    public GuestProcess? Find(Handle128 handle)
    {
        using Lock.Scope held = _gate.Hold();
        return _table.Find(handle);
    }

    /// <summary>
    /// Ends a process, by exit or by kill: it loses all it holds. Ending twice is harmless; init cannot end (EPERM), nor can another
    /// guest's process (ENOENT).
    /// </summary>
    public Failure? End(GuestProcess process)
    {
        using Lock.Scope held = _gate.Hold();
        if (_gate.CheckOwn(process) is { } foreign)
        {
            return foreign;
        }

        if (ReferenceEquals(process, Init))
        {
            return new Failure(Errno.EPERM, "exit_process", "check process", "init does not exit; destroy the guest instead.", "process");
        }

        if (process.Alive)
        {
            Finish(process);
        }

        return null;
    }

    /// <summary>Sets user and group of a process, as setresuid and setresgid by root do.</summary>
    public Failure? SetCredentials(GuestProcess process, uint uid, uint gid)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        process.Uid = uid;
        process.Gid = gid;
        return null;
    }

    /// <summary>/proc/self/oom_score_adj: EINVAL outside −1000 to 1000; EPERM for init, which the kernel never kills.</summary>
    public Failure? SetOomScoreAdj(GuestProcess process, int value)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (value is < -MostOomScoreAdj or > MostOomScoreAdj)
        {
            return new Failure(Errno.EINVAL, "write oom_score_adj", "check value", $"{value} is not between -1000 and 1000.", "value");
        }

        if (ReferenceEquals(process, Init))
        {
            return new Failure(Errno.EPERM, "write oom_score_adj", "check process", "init is never killed.", "process");
        }

        process.OomScoreAdj = value;
        return null;
    }

    /// <summary>memory.max of the process' own cgroup, in bytes; what is charged already stays (S-HEAP-53).</summary>
    public Failure? SetMemoryLimit(GuestProcess process, ulong bytes)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        process.Cgroup.Limit = bytes;
        return null;
    }

    /// <summary>Empties every process in the order of their pids; for the end of the guest.</summary>
    internal void DropEverything() => _table.RemoveAll();

    private GuestProcess? KillForMemory(Caller caller)
    {
        if (_table.OomVictim((GuestProcess)caller) is not { } victim)
        {
            return null;
        }

        victim.KilledBy = SignalKill;
        Finish(victim);
        return victim;
    }

    private void Finish(GuestProcess process)
    {
        _table.Remove(process);

        // Its calls that wait are ended first, so that none of them sees the process with half of what it had.
        _fences.Waits.EndOf(process);
        _table.Holders.LetGo(process);
        Ended?.Invoke(process);
    }

    private static void CopyMappings(GuestProcess parent, GuestProcess child)
    {
        foreach (Vma vma in parent.Addresses.Ascending().Where(v => !v.NotForked))
        {
            child.Addresses.Add(vma);
            if (vma.File is { } file)
            {
                file.References++;
            }
        }
    }
}
