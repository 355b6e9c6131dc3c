using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>
/// Calls whose answer is foretold by <see cref="NaiveAnswers"/>, from nothing but what the arguments lead to. Where faults are armed any
/// call may fail, so there nothing is foretold.
/// </content>
internal sealed partial class Episode
{
    private const ulong Page = 4096;
    private static readonly string[] Ends = ["", "", "/", "//", "/.", "/x", "/..", "/./", "/../x"];
    private static readonly string[] Advices =
        ["REMOVE", "REMOVE", "COLD", "COLLAPSE", "GUARD_INSTALL", "HWPOISON", "NORMAL", "NOTHING"];

    // A node or text by a path with something behind it, and calls on what was opened.
    private void WalkPath()
    {
        GuestProcess process = Somebody();
        if (!Foretells(process))
        {
            return;
        }

        string name = _dice.OneIn(3) ? $"/dev/dma_heap/{_dice.Any(_heaps)}" : _dice.Any(NaiveAnswers.Paths);
        string path = (_dice.OneIn(6) ? name.Replace("/d", "/./d", StringComparison.Ordinal) : name) + _dice.Any(Ends);
        Errno wanted = NaiveAnswers.OfPath(p => _guest.Tree.Kind(process, p), path);
        Same(wanted, _guest.Tree.Stat(process, path).Failure, $"stat of {path}");
        uint flags = (uint)_dice.Below(3) | (_dice.OneIn(6) ? OpenFlags.PathOnly : 0);
        Result<int> opened = _guest.Tree.Open(process, path, flags);
        Note(opened);
        if (!opened.Ok)
        {
            Violation.Unless(wanted == Errno.None || opened.Failure.Errno == wanted, $"open of {path}: {opened.Failure}, not {wanted}");
            return;
        }

        Same(wanted, null, $"open of {path}");
        CheckFileCall(process, opened.Value);
        Note(_guest.Files.Close(process, opened.Value));
    }

    private void CallFile()
    {
        if (AnyFd(out GuestProcess process, out int fd) && Foretells(process))
        {
            CheckFileCall(process, fd);
        }
    }

    private void CheckFileCall(GuestProcess process, int fd)
    {
        FileCall call = _dice.Any(NaiveAnswers.FileCalls);
        Result<long> answer = _guest.Files.Call(process, fd, call);
        Note(answer);
        if (NaiveAnswers.OfFileCall(process.Fds.Find(fd), call) is { } wanted)
        {
            Same(wanted, answer.Failure, $"{call} of fd {fd}");
        }
    }

    private void Advise()
    {
        if (!Pick(_vmas, out (GuestProcess Process, ulong Address, ulong Length) known) || !Foretells(known.Process)
            || known.Process.Addresses.Find(known.Address) is not { } vma)
        {
            return;
        }

        string advice = _dice.Any(Advices);
        byte[] before = new byte[1];
        byte[] after = new byte[1];
        bool readable = vma.ByPageFrame && _guest.Mappings.Load(known.Process, known.Address, before) is null;
        Failure? failure = _guest.Mappings.Madvise(known.Process, known.Address, Page, advice);
        Note(failure);
        if (advice == "REMOVE")
        {
            Same(NaiveAnswers.OfRemove(vma), failure, $"MADV_REMOVE at 0x{known.Address:x}");
        }

        Violation.Unless(
            !readable || (_guest.Mappings.Load(known.Process, known.Address, after) is null && before[0] == after[0]),
            $"MADV_{advice} of a buffer changed its bytes");
    }

    // Whatever stands at a number, or nothing, where a dma-buf or a sync file is wanted.
    private void GiveAnyFd()
    {
        if (!AnyFd(out GuestProcess process, out int fd) || !Foretells(process))
        {
            return;
        }

        GuestFile? file = process.Fds.Find(fd);
        foreach ((GuestProcess owner, int node) in _nodes.Where(n => ReferenceEquals(n.Process, process)))
        {
            if (process.Fds.Find(node) is DrmFile && file is not DmaBuf)
            {
                Same(NaiveAnswers.OfDmaBufFd(file, fd), _guest.Drm.FdToHandle(owner, node, fd).Failure, $"PRIME import of fd {fd}");
            }
        }

        if (_fds.Find(f => ReferenceEquals(f.Process, process) && process.Fds.Find(f.Fd) is DmaBuf) is { Process: not null } buffer
            && file is not SyncFile)
        {
            Failure? failure = _guest.Buffers.ImportSyncFile(process, buffer.Fd, 1 + (uint)_dice.Below(3), fd);
            Same(Errno.EINVAL, failure, $"import of fd {fd} as a sync file");
        }
    }

    // A buffer with fences of some timelines: an export has one of each that it waits for.
    private void ExportOfTimelines()
    {
        GuestProcess process = Somebody();
        if (!Foretells(process))
        {
            return;
        }

        List<int> fds = [];
        bool Made(Result<int> made)
        {
            fds.AddRange(made.Ok ? [made.Value] : []);
            return Note(made);
        }

        Result<BufferHandle> buffer = _guest.Heaps.Allocate(process, TestGuest.Private, Page, 2, 0);
        bool all = Made(buffer.Ok ? buffer.Value.Fd : buffer.Failure);
        uint[] usages = [.. Enumerable.Range(0, 1 + _dice.Below(3)).Select(_ => 1 + (uint)_dice.Below(3))];
        foreach (uint usage in usages)
        {
            all = all && Made(_guest.Fences.CreateTimeline(process, "t"))
                && Made(_guest.Fences.CreateFence(process, fds[^1], 1 + (uint)_dice.Below(9)));
            if (all)
            {
                Same(Errno.None, _guest.Buffers.ImportSyncFile(process, fds[0], usage, fds[^1]), $"import of a sync file");
            }
        }

        uint flags = 1 + (uint)_dice.Below(3);
        if (all && Made(_guest.Buffers.ExportSyncFile(process, fds[0], flags)))
        {
            int count = _guest.Fences.Info(process, fds[^1]).Value.Fences.Count;
            int wanted = NaiveAnswers.OfExport(usages, flags);
            Violation.Unless(
                count == wanted, $"an export with flags {flags} of [{string.Join(' ', usages)}] has {count} fences, not {wanted}");
        }

        fds.ForEach(fd => Note(_guest.Files.Close(process, fd)));
    }

    // How far each fence is ahead says whether it signals, however large the step.
    private void AdvanceFar()
    {
        if (!Pick(_timelines, out (GuestProcess Process, int Fd) known) || !Foretells(known.Process)
            || known.Process.Fds.Find(known.Fd) is not FenceTimeline timeline)
        {
            return;
        }

        uint by = _dice.OneIn(2) ? (uint)_dice.Bits() : uint.MaxValue - (uint)_dice.Below(3);
        (Fence Fence, bool Reached)[] wanted = [.. timeline.Pending.Select(f => (f, unchecked(f.Seqno - timeline.Value) <= by))];
        Note(_guest.Fences.Advance(known.Process, known.Fd, by));
        Violation.Unless(
            wanted.All(w => w.Fence.Signalled == w.Reached), $"an advance by {by} signals what it does not reach, or not what it reaches");
    }

    private void SealMemfd()
    {
        GuestProcess process = Somebody();
        bool sealable = _dice.OneIn(2);
        if (!Foretells(process))
        {
            return;
        }

        Result<int> memfd = _guest.Memfds.Create(process, sealable);
        if (!Note(memfd))
        {
            return;
        }

        int fd = memfd.Value;
        FileSeals seals = sealable ? FileSeals.None : FileSeals.Seal;
        Note(_guest.Memfds.Truncate(process, fd, 2 * Page));
        for (int i = _dice.Below(3); i > 0; i--)
        {
            var added = (FileSeals)(1 << _dice.Below(5));
            Same(seals.HasFlag(FileSeals.Seal) ? Errno.EPERM : Errno.None, _guest.Memfds.AddSeals(process, fd, added), $"adding {added}");
            seals |= seals.HasFlag(FileSeals.Seal) ? FileSeals.None : added;
        }

        Result<BufferHandle> made = _guest.Udmabufs.Create(process, 0, [new UdmabufItem(fd, 0, Page)]);
        if (made.Ok || made.Failure.Errno is not (Errno.ENOMEM or Errno.EMFILE))
        {
            Same(NaiveAnswers.OfUdmabuf(seals), made.Failure, $"a udmabuf of a memfd with seals {seals}");
        }

        Note(made.Ok ? _guest.Files.Close(process, made.Value.Fd) : null);
        Note(_guest.Files.Close(process, fd));
    }

    // The table of one process is full for one call: it fails, and nothing is left.
    private void LackFds()
    {
        GuestProcess process = Somebody();
        if (!Foretells(process))
        {
            return;
        }

        int limit = process.Fds.Limit;
        process.Fds.Limit = Enumerable.Range(3, limit).First(fd => process.Fds.Find(fd) is null);
        ulong free = _guest.Frames.FreeFrames;
        int buffers = _guest.Buffers.Live;
        uint flags = _dice.OneIn(2) ? 0x80002u : 0;
        Failure? failure = _dice.Below(5) switch
        {
            0 when Mine(_handles, h => h.Process, process, out (GuestProcess Process, int Fd, uint Handle) handle)
                && process.Fds.Find(handle.Fd) is DrmFile =>
                _guest.Drm.HandleToFd(process, handle.Fd, handle.Handle + (uint)_dice.Below(2), flags).Failure,
            1 when Mine(_syncs, s => s.Process, process, out (GuestProcess Process, int Fd) sync)
                && process.Fds.Find(sync.Fd) is SyncFile =>
                _guest.Fences.Merge(process, sync.Fd, _dice.Below(20)).Failure,
            2 when Mine(_timelines, t => t.Process, process, out (GuestProcess Process, int Fd) timeline)
                && process.Fds.Find(timeline.Fd) is FenceTimeline =>
                _guest.Fences.CreateFence(process, timeline.Fd, (uint)_dice.Below(400)).Failure,
            3 => _guest.Heaps.Allocate(process, _dice.Any(_heaps), Page, 2, 0).Failure,
            _ => _guest.Tree.Open(process, _dice.Any(NaiveAnswers.Paths) + _dice.Any(Ends), (uint)_dice.Below(3)).Failure,
        };
        process.Fds.Limit = limit;
        Violation.Unless(failure is { Errno: Errno.EMFILE or Errno.ENOMEM }, $"a call that makes an fd in a full table: {failure}");
        Violation.Unless(
            buffers == _guest.Buffers.Live && free == _guest.Frames.FreeFrames,
            $"a call that failed with EMFILE left {_guest.Buffers.Live - buffers} buffers and {free - _guest.Frames.FreeFrames} pages");
    }

    private void AllocateDma()
    {
        GuestProcess process = Somebody();
        if (!Foretells(process))
        {
            return;
        }

        string name = $"m{++_names}";
        ulong mask = (1UL << (24 + _dice.Below(16))) - 1;
        if (!Note(_guest.Devices.Register(process, new DeviceSpec { Name = name, DmaMask = mask })))
        {
            return;
        }

        Result<DmaAllocation> made = _guest.DmaApi.AllocCoherent(process, name, 1 + (ulong)_dice.Below(1 << 15));
        if (Note(made))
        {
            Violation.Unless(
                made.Value.DmaAddress + made.Value.Size - 1 <= mask, $"{made.Value.DmaAddress:x} is out of reach of a mask of 0x{mask:x}");
            Note(_guest.DmaApi.Free(process, made.Value.Id));
        }

        Note(_guest.Devices.Unregister(process, name));
    }

    private bool Foretells(GuestProcess process) => !_faulty && _guest.Core.Gate.Begin(process) is null;

    private void Same(Errno wanted, Failure? failure, FormattableString what)
    {
        Note(failure);
        Violation.Unless((failure?.Errno ?? Errno.None) == wanted, $"{FormattableString.Invariant(what)}: {failure}, not {wanted}");
    }

    // A number of any kind of file, of none, of a standard stream.
    private bool AnyFd(out GuestProcess process, out int fd)
    {
        process = Somebody();
        int[] open = [.. process.Fds.OpenFds()];
        fd = open.Length == 0 || _dice.OneIn(3) ? _dice.Below(8) - 2 : open[_dice.Below(open.Length)];
        return true;
    }

    private bool Mine<T>(List<T> list, Func<T, GuestProcess> owner, GuestProcess process, out T picked)
    {
        List<T> mine = list.FindAll(t => ReferenceEquals(owner(t), process));
        return Pick(mine, out picked);
    }
}
