using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine;

/// <summary>
/// Processes of a guest: opening, finding, ending.
/// Models: the order of a process' end: calls that wait, mappings in address order, fds in ascending order, then devices with their attachments,
/// newest first, as the last close of a driver's file does. Share tokens in flight survive their maker (S-BUF-90). Does not model: threads, signals.
/// </summary>
public sealed class GuestProcesses
{
    /// <summary>SIGKILL.</summary>
    internal const int SignalKill = 9;

    private const int MostOomScoreAdj = 1000;
    private const int NameLimit = 64;
    private readonly Guest _guest;
    private readonly GuestLimits _limits;
    private readonly Dictionary<Handle128, GuestProcess> _processes = [];
    private uint _lastPid;

    internal GuestProcesses(Guest guest, GuestLimits limits)
    {
        _guest = guest;
        _limits = limits;
        Init = Start("init");
    }

    /// <summary>The guest's long-lived first process; it never exits.</summary>
    public GuestProcess Init { get; }

    internal IReadOnlyCollection<GuestProcess> All => _processes.Values;

    /// <summary>Starts a process.</summary>
    /// <param name="name">For people, at most 64 characters.</param>
    /// <returns>EINVAL for a long name, EAGAIN at the limit, EOWNERDEAD when the guest is gone.</returns>
    public Result<GuestProcess> Open(string name)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive() is { } dead)
            {
                return dead;
            }

            if (name.Length > NameLimit)
            {
                return new Failure(Errno.EINVAL, "open_process", "check name", $"The name has {name.Length} characters; at most {NameLimit}.", "name");
            }

            return _processes.Count >= _limits.Processes
                ? new Failure(Errno.EAGAIN, "open_process", "check limit", $"The guest has {_processes.Count} processes already.")
                : Start(name);
        }
    }

    /// <summary>
    /// fork: a child with the same open files and mappings. Pages of its own are shared with the parent until one of them writes; mappings of
    /// buffers are shared for good. Attachments, devices and pins stay the parent's.
    /// </summary>
    /// <returns>EAGAIN at the limit of processes, ENOMEM for the copies of pinned pages, ENOENT for a process that is gone.</returns>
    public Result<GuestProcess> Fork(GuestProcess parent)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(parent) is { } dead)
            {
                return dead;
            }

            if (_processes.Count >= _limits.Processes)
            {
                return new Failure(Errno.EAGAIN, "fork", "check limit", $"The guest has {_processes.Count} processes already.");
            }

            GuestProcess child = Start(parent.Name);
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
                Result<OwnPage> shared = page.Pins == 0 ? page.Shared() : _guest.Mappings.Duplicate(page);
                if (!shared.Ok)
                {
                    End(child);
                    return shared.Failure;
                }

                child.Addresses.Pages.Add(address, shared.Value);
            }

            return child;
        }
    }

    /// <summary>setrlimit and the capability that goes with it. What the process has already stays.</summary>
    /// <returns>EINVAL for a number of open files that is negative or above the guest's limit.</returns>
    public Failure? SetLimits(GuestProcess process, ProcessLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            int most = limits.OpenFiles ?? _limits.FdsPerProcess;
            if (most < 0 || most > _limits.FdsPerProcess)
            {
                return new Failure(Errno.EINVAL, "setrlimit", "check limit", $"{most} open files are not between 0 and {_limits.FdsPerProcess}.", "open_files");
            }

            process.Limits = limits;
            process.Fds.Limit = most;
            return null;
        }
    }

    /// <summary>execve: the mappings go, and the fds with close-on-exec.</summary>
    public Failure? Exec(GuestProcess process)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            DropMappings(process);
            foreach (int fd in process.Fds.OpenFds().Where(process.Fds.IsCloseOnExec).ToArray())
            {
                GuestFiles.Put(process.Fds.Remove(fd)!);
            }

            return null;
        }
    }

    /// <summary>The live process with this handle, or null.</summary>
    public GuestProcess? Find(Handle128 handle)
    {
        lock (_guest.Gate)
        {
            return _processes.GetValueOrDefault(handle);
        }
    }

    /// <summary>
    /// Ends a process, by exit or by kill: it loses all it holds. Ending twice is harmless; init cannot end (EPERM), nor can another guest's
    /// process (ENOENT).
    /// </summary>
    public Failure? End(GuestProcess process)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckOwn(process) is { } foreign)
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
    }

    /// <summary>Sets user and group of a process, as setresuid and setresgid by root do.</summary>
    public Failure? SetCredentials(GuestProcess process, uint uid, uint gid)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            process.Uid = uid;
            process.Gid = gid;
            return null;
        }
    }

    /// <summary>/proc/self/oom_score_adj: EINVAL outside −1000 to 1000; EPERM for init, which the kernel never kills.</summary>
    public Failure? SetOomScoreAdj(GuestProcess process, int value)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
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
    }

    /// <summary>memory.max of the process' own cgroup, in bytes; what is charged already stays (S-HEAP-53).</summary>
    public Failure? SetMemoryLimit(GuestProcess process, ulong bytes)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            process.Cgroup.Limit = bytes;
            return null;
        }
    }

    /// <summary>The process that the OOM killer takes: the highest oom_score_adj above 0; of several the caller, then the youngest. Or null.</summary>
    internal GuestProcess? OomVictim(GuestProcess caller) =>
        _processes.Values.Where(p => p.OomScoreAdj > 0)
            .OrderByDescending(p => p.OomScoreAdj).ThenByDescending(p => ReferenceEquals(p, caller)).ThenByDescending(p => p.Pid)
            .FirstOrDefault();

    /// <summary>Kills a process by signal.</summary>
    internal void Kill(GuestProcess process, int signal)
    {
        process.KilledBy = signal;
        Finish(process);
    }

    /// <summary>Empties every process in the order of their pids; for the end of the guest.</summary>
    internal void DropEverything()
    {
        foreach (GuestProcess process in _processes.Values.OrderBy(p => p.Pid))
        {
            process.Alive = false;
            DropAll(process);
        }

        _processes.Clear();
    }

    private void Finish(GuestProcess process)
    {
        process.Alive = false;
        _processes.Remove(process.Handle);

        // Its calls stop before it loses anything: none of them may see a part of the end.
        _guest.Fences.Waits.EndOf(process);
        DropAll(process);
        _guest.Observer?.ProcessEnded(process);
    }

    private GuestProcess Start(string name)
    {
        var process = new GuestProcess(_guest, _guest.Secrets.Next(), _guest.Secrets.Next(), ++_lastPid, name, _limits);
        _processes.Add(process.Handle, process);
        return process;
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

    private void DropMappings(GuestProcess process)
    {
        foreach (Vma vma in process.Addresses.Ascending().ToArray())
        {
            process.Addresses.RemoveAt(vma.Start);
            _guest.Mappings.GiveUp(process, vma);
        }
    }

    private void DropAll(GuestProcess process)
    {
        DropMappings(process);

        foreach (int fd in process.Fds.OpenFds().ToArray())
        {
            GuestFiles.Put(process.Fds.Remove(fd)!);
        }

        _guest.DmaApi.DropAll(process);
        _guest.Rdma.DropAll(process);
        _guest.Pins.DropAll(process);
        _guest.Importers.DropAll(process);
        _guest.Devices.DropAll(process);
        GuestImporters.DropVmaps(process);
        process.VgemFences?.Close();
    }
}
