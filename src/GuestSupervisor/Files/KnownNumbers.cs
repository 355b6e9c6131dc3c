namespace CocoGuest.Supervisor.Files;

/// <summary>
/// Which emulated file a number of the reserved range was found to be, so that a call in a loop does not look it up in /proc each time.
/// </summary>
/// <remarks>
/// <para>A number that is in use means another file only after close, dup2, dup3, close_range or exec, all of which are stopped and
/// told here (<see cref="Changing"/>). Processes may share a table (CLONE_FILES), so such a call is about that number in all processes.
/// A table that stops being shared (unshare) would need another key: nothing is remembered from then on (<see cref="Stop"/>).</para>
/// <para>The call goes on in the kernel after it was told. Until its thread is heard of again, the number may still mean what it did,
/// and what is found then is not remembered.</para>
/// </remarks>
/// <param name="threadLives">Tells whether a thread is there still.</param>
internal sealed class KnownNumbers(Func<int, bool> threadLives)
{
    // Threads that close something and never make a stopped call again are looked for once there are so many.
    private const int MostChanging = 256;
    private readonly Dictionary<(int Pid, int Fd), EmulatedFile> _files = [];
    private readonly Dictionary<int, (uint First, uint Last)> _changing = [];
    private bool _stopped;

    /// <summary>The file behind a number of a process, if that was found out and cannot have changed; else null.</summary>
    public EmulatedFile? Find(int pid, int fd) => _files.GetValueOrDefault((pid, fd));

    /// <summary>A number of a process was found to be a file.</summary>
    public void Remember(int pid, int fd, EmulatedFile file)
    {
        if (!_stopped && _changing.Values.All(range => (uint)fd < range.First || (uint)fd > range.Last))
        {
            _files[(pid, fd)] = file;
        }
    }

    /// <summary>A thread is about to end what the numbers from <paramref name="first"/> to <paramref name="last"/> mean.</summary>
    public void Changing(int tid, uint first, uint last)
    {
        if (_changing.Count >= MostChanging)
        {
            DropDeadThreads();
        }

        _changing[tid] = (first, last);
        ForgetWhere((key, _) => (uint)key.Fd >= first && (uint)key.Fd <= last);
    }

    /// <summary>A thread is heard of: what it was about to do it has done.</summary>
    public void Settle(int tid)
    {
        if (_changing.Count != 0)
        {
            _changing.Remove(tid);
        }
    }

    /// <summary>A process has ended: its pid, and those of threads that are gone, may be others' soon.</summary>
    public void ForgetProcess(int pid)
    {
        ForgetWhere((key, _) => key.Pid == pid);
        DropDeadThreads();
    }

    /// <summary>A file is gone.</summary>
    public void Forget(EmulatedFile file) => ForgetWhere((_, known) => known == file);

    /// <summary>Forgets everything for good.</summary>
    public void Stop()
    {
        _stopped = true;
        _files.Clear();
    }

    private void DropDeadThreads()
    {
        foreach (int gone in _changing.Keys.Where(tid => !threadLives(tid)).ToArray())
        {
            _changing.Remove(gone);
        }
    }

    private void ForgetWhere(Func<(int Pid, int Fd), EmulatedFile, bool> isGone)
    {
        foreach ((int, int) key in _files.Where(f => isGone(f.Key, f.Value)).Select(f => f.Key).ToArray())
        {
            _files.Remove(key);
        }
    }
}
