using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Files;

/// <summary>
/// The live emulated files by the identity of the host file that stands for each. So an fd is known for what it is whatever its number
/// and however it came: dup, fork, exec, SCM_RIGHTS.
/// </summary>
internal sealed class FileBoard : IDisposable
{
    private readonly Dictionary<FileIdentity, EmulatedFile> _files = [];
    private readonly Dictionary<long, EmulatedFile> _byWatch = [];
    private readonly CloseWatch _closed = new();

    public FileBoard() => Events.Add(_closed.Handle, EventSet.Readable, TakeClosed);

    /// <summary>What is to be waited for, by each supervisor that uses the board.</summary>
    public EventSet Events { get; } = new();

    /// <summary>Told of every file whose last reference is gone, before <see cref="Ended"/>.</summary>
    public event Action<EmulatedFile>? Gone;

    /// <summary>Ends the file in the machine.</summary>
    public Action<EmulatedFile> Ended { get; set; } = static _ => { };

    /// <summary>Asked of a file whose host file the program has, too: whether anybody has one of ours still.</summary>
    public Func<EmulatedFile, bool> IsOpen { get; set; } = static _ => false;

    /// <summary>Memory that is mapped through DRM nodes, by the identity of its host file.</summary>
    public Dictionary<FileIdentity, NodeMapping> NodeMappings { get; } = [];

    /// <summary>The live files.</summary>
    public IReadOnlyCollection<EmulatedFile> All => _files.Values;

    /// <summary>The file of an identity, or null: not one of ours.</summary>
    public EmulatedFile? Find(FileIdentity? identity) => identity is { } known ? _files.GetValueOrDefault(known) : null;

    /// <summary>The file behind an fd of a process or thread, or null.</summary>
    public EmulatedFile? Find(int pid, int fd) =>
        Find(ProcFolder.FileAt(pid, fd)) is { } file && (!file.IsProgramsOwn || (ProcFolder.FlagsOf(pid, fd) & HostFile.OursFlag) != 0)
            ? file
            : null;

    /// <summary>Enters a file for which a memfd stands, before the description that is given away is opened.</summary>
    public void AddWatched(EmulatedFile file, SafeFileHandle memfd)
    {
        long watch = _closed.Add(memfd);
        _files.Add(file.Identity, file);
        _byWatch.Add(watch, file);
    }

    /// <summary>Enters a file for which the read end of a pipe stands.</summary>
    public void AddPiped(EmulatedFile file)
    {
        _files.Add(file.Identity, file);
        ulong key = 0;
        key = Events.Add(file.Signal!, EventSet.Broken, () =>
        {
            Events.Remove(key);
            file.Signal!.Dispose();
            End(file);
        });
    }

    /// <summary>Reports what was closed up to now.</summary>
    public void TakeClosed()
    {
        foreach (long watch in _closed.Take())
        {
            if (_byWatch.TryGetValue(watch, out EmulatedFile? file) && IsLast(file))
            {
                _byWatch.Remove(watch);
                _closed.Remove(watch);
                End(file);
            }
        }
    }

    /// <summary>Nobody has anything any more.</summary>
    public void EndAll()
    {
        foreach (EmulatedFile file in _files.Values.ToArray())
        {
            End(file);
            file.Signal?.Dispose();
        }
    }

    public void Dispose()
    {
        Events.Dispose();
        _closed.Dispose();
        foreach (EmulatedFile file in _files.Values)
        {
            file.Signal?.Dispose();
        }
    }

    // inotify does not say which description was closed.
    private bool IsLast(EmulatedFile file) => file.IsProgramsOwn || file.HasOtherMappings ? !IsOpen(file) : --file.Descriptions == 0;

    private void End(EmulatedFile file)
    {
        _files.Remove(file.Identity);
        Gone?.Invoke(file);
        Ended(file);
    }
}
