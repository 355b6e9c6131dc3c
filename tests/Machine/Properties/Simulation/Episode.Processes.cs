using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>Processes: open, fork, exec, exit; time; faults.</content>
internal sealed partial class Episode
{
    private void Advance()
    {
        _test.Time.Advance(TimeSpan.FromSeconds(_dice.Below(40)));
        _guest.Buffers.ExpireTokens();
        if (_tokens.Count > MostPicks / 2)
        {
            _tokens.RemoveRange(0, _tokens.Count / 2);
        }
    }

    private void Open()
    {
        if (_processes.Count >= MostProcesses)
        {
            End();
            return;
        }

        Result<GuestProcess> result = _dice.OneIn(3) ? _guest.Processes.Fork(Somebody()) : _guest.Processes.Open("p");
        if (Note(result))
        {
            _processes.Add(result.Value);
            Inherit(result.Value);
        }
    }

    // Some of what a forked child has from its parent, for use later.
    private void Inherit(GuestProcess child)
    {
        foreach (Vma vma in child.Addresses.Ascending().Take(8))
        {
            Keep(_vmas, (child, vma.Start, vma.Length));
        }

        Inherit(_nodes, child, f => f is DrmFile);
        Inherit(_timelines, child, f => f is FenceTimeline);
        Inherit(_syncs, child, f => f is SyncFile);
        Inherit(_memfds, child, f => f is ShmemFile);
        foreach (int fd in child.Fds.OpenFds().Where(fd => child.Fds.Find(fd) is DmaBuf).Take(8))
        {
            Keep(_fds, (child, fd, ((DmaBuf)child.Fds.Find(fd)!).Size));
        }
    }

    private static void Inherit(List<(GuestProcess Process, int Fd)> list, GuestProcess child, Func<GuestFile, bool> kind)
    {
        foreach (int fd in child.Fds.OpenFds().Where(fd => kind(child.Fds.Find(fd)!)).Take(2))
        {
            Keep(list, (child, fd));
        }
    }

    private void End()
    {
        GuestProcess process = Somebody();
        Note(_guest.Processes.End(process));
        if (process.Alive)
        {
            return;
        }

        _processes.Remove(process);
        if (_dice.OneIn(4))
        {
            return; // Calls of the dead go on for a while.
        }

        _fds.RemoveAll(f => ReferenceEquals(f.Process, process));
        _vmas.RemoveAll(v => ReferenceEquals(v.Process, process));
        _attachments.RemoveAll(a => ReferenceEquals(a.Process, process));
        _mapped.RemoveAll(m => ReferenceEquals(m.Process, process));
        _devices.RemoveAll(d => ReferenceEquals(d.Process, process));
        _pins.RemoveAll(p => ReferenceEquals(p.Process, process));
        _nodes.RemoveAll(n => ReferenceEquals(n.Process, process));
        _handles.RemoveAll(h => ReferenceEquals(h.Process, process));
        _nodeFences.RemoveAll(f => ReferenceEquals(f.Process, process));
        _timelines.RemoveAll(t => ReferenceEquals(t.Process, process));
        _syncs.RemoveAll(s => ReferenceEquals(s.Process, process));
        _fences.RemoveAll(f => ReferenceEquals(f.Process, process));
        _memfds.RemoveAll(m => ReferenceEquals(m.Process, process));
        _movables.RemoveAll(m => ReferenceEquals(m.Process, process));
        _domains.RemoveAll(d => ReferenceEquals(d.Process, process));
        _regions.RemoveAll(r => ReferenceEquals(r.Process, process));
    }

    private void Exec()
    {
        Note(_guest.Processes.Exec(Somebody()));
    }

    private void Fault()
    {
        if (!_faulty)
        {
            return;
        }

        if (_dice.OneIn(2))
        {
            _guest.Faults.ClearAll();
            return;
        }

        var point = (FaultPoint)_dice.Below(FaultPointInfo.All.Count);
        Note(_guest.Faults.Inject(new FaultSpec(point)
        {
            Probability = (uint)_dice.Below(30),
            Times = 1 + _dice.Below(3),
            Seed = _dice.Bits(),
        }));
        Note(_guest.Faults.SetFailNth(Somebody(), (uint)_dice.Below(12)));
    }
}
