using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Natives;
using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Processes;

/// <summary>
/// Brings the machine's fd tables and mappings of native processes up to what the host's kernel has, when somebody is about to look at
/// them. Between two looks nothing is tracked: the host counts references, and reports the last one's end.
/// </summary>
internal sealed class Mirror(Guest guest, FileBoard files, ProcessBoard processes, int root)
{
    /// <summary>Looks at every process of the run.</summary>
    public void Refresh()
    {
        files.TakeClosed();
        foreach (int pid in PidsToLookAt())
        {
            Refresh(pid);
        }
    }

    /// <summary>
    /// True if a process of the run that is asked about has an fd or a mapping of the file. A mapping does not tell through which fd it
    /// was made.
    /// </summary>
    public bool IsOpen(EmulatedFile file, Func<int, bool> isAsked) =>
        PidsToLookAt().Where(isAsked).Any(pid => FdsOf(pid).Any(f => f.File == file) || MapsOf(pid).Any(m => m.File == file));

    /// <summary>True if a mapping of an emulated file lies in a range of a process.</summary>
    public bool IsMapped(int pid, ulong start, ulong end) => MapsOf(pid).Any(m => m.Map.Start < end && start < m.Map.End);

    /// <summary>What a process has of each emulated file: its fds, and how many mappings.</summary>
    public Dictionary<EmulatedFile, LeftOpen> HoldingsOf(int pid)
    {
        var fds = FdsOf(pid).GroupBy(f => f.File).ToDictionary(g => g.Key, g => g.Select(f => f.Fd).ToList());
        var maps = MapsOf(pid).GroupBy(m => m.File).ToDictionary(g => g.Key, g => g.Count());
        return fds.Keys.Union(maps.Keys).ToDictionary(
            f => f, f => new LeftOpen(pid, fds.GetValueOrDefault(f) ?? [], maps.GetValueOrDefault(f)));
    }

    private int[] PidsToLookAt() =>
        ProcFolder.DescendantsOf(root).Prepend(root).Union(processes.All.Select(p => p.Pid)).ToArray();

    /// <summary>Looks at one process.</summary>
    public void Refresh(int pid)
    {
        (int Fd, EmulatedFile File)[] open = [.. FdsOf(pid)];
        if (processes.Find(pid) is null && open.Length == 0)
        {
            return;
        }

        Result<SupervisedProcess> process = processes.Of(pid);
        if (!process.Ok)
        {
            return;
        }

        GuestProcess machine = process.Value.Machine;
        foreach (int gone in guest.Natives.FdsOf(machine).Except(open.Select(o => o.Fd)).ToArray())
        {
            guest.Natives.Unplace(machine, gone);
        }

        foreach ((int fd, EmulatedFile file) in open)
        {
            if (file.Machine is { } native)
            {
                guest.Natives.Place(machine, fd, native, ProcFolder.IsCloseOnExec(pid, fd));
            }
        }

        guest.Natives.SetMappings(machine, [.. ProcFolder.MapsOf(pid).Select(Describe).OfType<NativeMapping>()]);
    }

    private IEnumerable<(int Fd, EmulatedFile File)> FdsOf(int pid) =>
        from fd in ProcFolder.FdsOf(pid)
        let file = files.Find(pid, fd)
        where file is not null
        select (fd, file);

    private IEnumerable<(HostMap Map, EmulatedFile File)> MapsOf(int pid) =>
        files.All.Count == 0 ? [] :
        from map in ProcFolder.MapsOf(pid)
        let file = files.Find(map.File)
        where file is not null
        select (map, file);

    // Memory of a DRM object counts as mapped through its node, which keeps it alive, even where the mapping is one of its dma-buf.
    private NativeMapping? Describe(HostMap map)
    {
        (NativeFile? file, ulong offset) = files.NodeMappings.TryGetValue(map.File, out NodeMapping? node) && !node.Node.Closed
            ? (node.Node, node.Offset + map.Offset)
            : (files.Find(map.File)?.Machine, map.Offset);
        MapProtection rights = (map.Rights[0] == 'r' ? MapProtection.Read : 0) | (map.Rights[1] == 'w' ? MapProtection.Write : 0)
            | (map.Rights[2] == 'x' ? MapProtection.Execute : 0);
        return file is null ? null : new NativeMapping(map.Start, map.End - map.Start, file, offset, rights, map.Rights[3] == 'p');
    }
}
