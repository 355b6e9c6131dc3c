using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <summary>
/// Processes of a guest: opening, finding, ending.
/// Models: the order of a process' end: mappings in address order, fds in ascending order, then devices with their attachments, newest first,
/// as the last close of a driver's file does. Share tokens in flight survive their maker (S-BUF-90). Does not model: threads, signals.
/// </summary>
public sealed class GuestProcesses
{
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
            child.Fds.CopyFrom(parent.Fds);
            foreach (Vma vma in parent.Addresses.Ascending())
            {
                child.Addresses.Add(vma);
                if (vma.File is { } file)
                {
                    file.References++;
                }
            }

            foreach ((ulong address, OwnPage page) in parent.Addresses.Pages)
            {
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
                process.Alive = false;
                _processes.Remove(process.Handle);
                DropAll(process);
                _guest.Observer?.ProcessEnded(process);
            }

            return null;
        }
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

    private GuestProcess Start(string name)
    {
        var process = new GuestProcess(_guest, _guest.Secrets.Next(), _guest.Secrets.Next(), ++_lastPid, name, _limits);
        _processes.Add(process.Handle, process);
        return process;
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
        _guest.Pins.DropAll(process);
        _guest.Importers.DropAll(process);
        _guest.Devices.DropAll(process);
    }
}
