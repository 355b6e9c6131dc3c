using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Mappings;

namespace CocoGuest.Machine.Natives;

/// <summary>
/// Real processes of the host that run as processes of the guest.
/// Models: open files whose references the host's kernel counts: one reference here stands for all of them, from <see cref="Adopt"/> to
/// <see cref="Closed"/>, and is not shown (S-BUF-90, 100, 101). fds and mappings of such a process are a mirror, brought up to date before
/// something is shown (<see cref="Refreshing"/>). Does not model: the host's files themselves, their fds, who watches them.
/// </summary>
/// <remarks>
/// The end of such a process drops its mirror only: other processes of the host may have its files still. What is on its way between
/// processes of the host is in no mirror; a file that lives and is in none is shown with one reference.
/// </remarks>
public sealed partial class GuestNatives
{
    private const int MostFds = 1 << 20;
    private const ulong AddressSpaceBytes = 1UL << 47;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly ProcessTable _processes;
    private readonly GuestFiles _files;
    private readonly GuestMappings _mappings;
    private readonly GuestFences _fences;
    private readonly Func<string, Result<GuestProcess>> _open;
    private readonly HashSet<NativeFile> _held = [];

    internal GuestNatives(
        GuestCore core, ProcessTable processes, GuestFiles files, GuestMappings mappings,
        GuestFences fences, Func<string, Result<GuestProcess>> open)
    {
        _core = core;
        _gate = core.Gate;
        _processes = processes;
        _files = files;
        _mappings = mappings;
        _fences = fences;
        _open = open;
        core.Hooks.RefreshNatives = Refresh;
    }

    /// <summary>
    /// Invoked outside the guest's lock before numbers of references, fds or mappings are shown:
    /// who keeps the mirrors brings them up to date in it.
    /// </summary>
    public Action? Refreshing { get; set; }

    /// <summary>The files that the host has.</summary>
    internal IReadOnlyCollection<NativeFile> Held => _held;

    /// <summary>Starts a process whose fds get the lowest free numbers from a floor on.</summary>
    /// <param name="name">For people, at most 64 characters.</param>
    /// <param name="uid">User.</param>
    /// <param name="gid">Group.</param>
    /// <param name="fdFloor">The first number that is given; lower ones can be placed.</param>
    /// <param name="fdLimit">Numbers stay below it (EMFILE); at most 2^20.</param>
    /// <returns>EINVAL for numbers that make no sense, else as <c>GuestProcesses.Open</c>.</returns>
    public Result<GuestProcess> Open(string name, uint uid, uint gid, int fdFloor, int fdLimit)
    {
        if (fdFloor < 0 || fdLimit > MostFds || fdFloor >= fdLimit)
        {
            return new Failure(Errno.EINVAL, "open_native_process", "check numbers", string.Create(CultureInfo.InvariantCulture,
                $"fds from {fdFloor} to below {fdLimit} are no range inside 0 to {MostFds}."), "fd_floor");
        }

        using Lock.Scope held = _gate.Hold();
        Result<GuestProcess> opened = _open(name);
        if (opened.Ok)
        {
            GuestProcess process = opened.Value;
            (process.Uid, process.Gid, process.IsNative) = (uid, gid, true);
            process.Fds.Limit = fdLimit;
            process.Fds.ReserveBelow(fdFloor);
            process.Addresses.Ceiling = AddressSpaceBytes;
        }

        return opened;
    }

    /// <summary>
    /// Takes the one reference that stands for the host's open file behind an fd.
    /// A file that the host has already gives the same object again.
    /// </summary>
    /// <returns>EBADF for an fd that is not open.</returns>
    public Result<NativeFile> Adopt(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> found = _files.Find(process, fd, "adopt");
        if (!found.Ok)
        {
            return found.Failure;
        }

        GuestFile file = found.Value;
        if (file.Native is null)
        {
            file.Native = new NativeFile(file);
            file.References++;
            _held.Add(file.Native);
        }

        return file.Native;
    }

    /// <summary>An ioctl of a native process, whose new fds are the host's files at once.</summary>
    /// <param name="call">The call.</param>
    /// <param name="made">Gets the file behind each of <see cref="IoctlCall.Made"/>, in order.</param>
    /// <returns>As <see cref="GuestFiles.Ioctl(IoctlCall)"/>.</returns>
    public Result<IoctlOutcome> Ioctl(IoctlCall call, ICollection<NativeFile> made)
    {
        ArgumentNullException.ThrowIfNull(call);
        ArgumentNullException.ThrowIfNull(made);
        using Lock.Scope held = _gate.Hold();
        Result<IoctlOutcome> outcome = _files.Ioctl(call);
        foreach (MadeFd fd in call.Made)
        {
            made.Add(Adopt(call.Process, fd.Fd).Value);
        }

        return outcome;
    }

    /// <summary>
    /// Puts a reference of a file in flight: whoever shows the host's file may have it as a process of another kind, too (S-BUF-93).
    /// </summary>
    /// <param name="file">The file.</param>
    /// <param name="life">As <see cref="GuestFiles.Export(GuestProcess, int, Handle128?, TimeSpan)"/>.</param>
    /// <returns>EBADF for a file that is closed, EINVAL, ENOSPC.</returns>
    public Result<Handle128> Export(NativeFile file, TimeSpan life)
    {
        ArgumentNullException.ThrowIfNull(file);
        using Lock.Scope held = _gate.Hold();
        return file.Closed
            ? new Failure(Errno.EBADF, "export", "look up file", "The program has closed it.", "fd")
            : _files.Export(file.File, null, life);
    }

    /// <summary>A number is this file in this process now, whatever the mirror had there.</summary>
    /// <returns>EBADF for a file that is closed or a number out of range; ENOENT for a process that is gone.</returns>
    public Failure? Place(GuestProcess process, int fd, NativeFile file, bool closeOnExec)
    {
        ArgumentNullException.ThrowIfNull(file);
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (file.Closed || !process.Fds.CanHold(fd))
        {
            return GuestFiles.BadFd("place", fd);
        }

        if (ReferenceEquals(process.Fds.Find(fd), file.File))
        {
            process.Fds.SetCloseOnExec(fd, closeOnExec);
            return null;
        }

        file.File.References++;
        if (process.Fds.Replace(fd, file.File, closeOnExec) is { } old)
        {
            GuestFiles.Put(old);
        }

        return null;
    }

    /// <summary>A number is nothing of the guest's any more. Harmless if it was nothing before.</summary>
    /// <returns>ENOENT for a process that is gone.</returns>
    public Failure? Unplace(GuestProcess process, int fd)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (process.Fds.Remove(fd) is { } file)
        {
            GuestFiles.Put(file);
        }

        return null;
    }

    /// <summary>The process' mappings of files are these, all of them. Mappings of files that were closed meanwhile are left out.</summary>
    /// <returns>
    /// EINVAL for ranges that are not of pages, overlap, or leave the address space;
    /// ENOENT for a process that is gone. Then nothing changed.
    /// </returns>
    public Failure? SetMappings(GuestProcess process, IReadOnlyList<NativeMapping> mappings)
    {
        ArgumentNullException.ThrowIfNull(mappings);
        using CallScope call = _gate.Enter(process);
        if ((call.Refused ?? CheckRanges(mappings)) is { } failure)
        {
            return failure;
        }

        var wanted = new Dictionary<ulong, Vma>();
        foreach (NativeMapping mapping in mappings)
        {
            if (!mapping.File.Closed && TargetOf(mapping) is (var memory, var offset))
            {
                var vma = new Vma(mapping.Start, mapping.Length, memory, offset, mapping.Protection, mapping.IsPrivate)
                {
                    Through = mapping.File,
                    May = _mappings.MayOf(mapping.File.File, mapping.IsPrivate),
                };
                wanted.Add(mapping.Start, vma);
                memory.References++;
            }
        }

        Replace(process, wanted);
        return null;
    }

    /// <summary>
    /// The host's last reference is gone: the file leaves all mirrors, then the reference that stood for the host's goes. Once is enough; a
    /// file of a guest that ended is closed already.
    /// </summary>
    public void Closed(NativeFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        using Lock.Scope held = _gate.Hold();
        if (!_held.Contains(file))
        {
            return;
        }

        foreach (GuestProcess process in _processes.All.Where(p => p.IsNative))
        {
            RemoveFrom(process, file);
        }

        Drop(file);
    }

    /// <summary>
    /// What mmap would answer, with all that it does up to the mapping itself: checks in their order, trace line, counters.
    /// </summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">The fd.</param>
    /// <param name="offset">Byte offset.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="protection">PROT bits.</param>
    /// <param name="flags">MAP bits; those that say where or only tune are the host's business.</param>
    public Failure? CheckMmap(GuestProcess process, int fd, ulong offset, ulong length, MapProtection protection, MapFlags flags)
    {
        using Lock.Scope held = _gate.Hold();
        return _mappings.Check(process, fd, offset, length, protection, NativeMapFlags.ForMachine(flags)).Failure;
    }

    /// <summary>Calls back once when all fences of a sync file have signalled: at once if they have.</summary>
    /// <param name="syncFile">The sync file.</param>
    /// <param name="ready">
    /// Runs under the guest's lock, before the call that signals the last fence is over; must neither wait nor call the guest.
    /// </param>
    /// <exception cref="ArgumentException">It is no sync file.</exception>
    public void WhenReady(NativeFile syncFile, Action ready)
    {
        ArgumentNullException.ThrowIfNull(ready);
        if (syncFile?.File is not SyncFile file)
        {
            throw new ArgumentException("Only a sync file becomes ready.", nameof(syncFile));
        }

        using Lock.Scope held = _gate.Hold();
        _fences.Deadlines.RunDue();
        Fence[] pending = [.. file.Fences.Where(f => !f.Signalled).Distinct()];
        int left = pending.Length;
        foreach (Fence fence in pending)
        {
            fence.OnSignal(() =>
            {
                if (--left == 0)
                {
                    ready();
                }
            });
        }

        if (left == 0)
        {
            ready();
        }
    }

    /// <summary>Asks for fresh mirrors; nobody does under the lock, where what is shown is part of something larger.</summary>
    internal void Refresh()
    {
        if (!_gate.IsHeld)
        {
            Refreshing?.Invoke();
        }
    }

    /// <summary>The guest ended: what the host still has is nothing any more.</summary>
    internal void DropEverything()
    {
        foreach (NativeFile file in _held.OrderBy(f => f.Inode).ToArray())
        {
            Drop(file);
        }
    }

    // A part of a mapping may begin anywhere in what was mapped.
    private static MapTarget? TargetOf(NativeMapping mapping) => mapping.File.File switch
    {
        MemoryFile memory => new MapTarget(memory, mapping.Offset),
        DrmFile node when node.Device.FindCovering(mapping.Offset) is { } gem => new MapTarget(gem, mapping.Offset - gem.FakeOffset),
        _ => null,
    };

    private void Drop(NativeFile file)
    {
        _held.Remove(file);
        file.Closed = true;
        file.File.Native = null;
        GuestFiles.Put(file.File);
    }

    private void RemoveFrom(GuestProcess process, NativeFile file)
    {
        foreach (Vma vma in process.Addresses.Ascending().Where(v => ReferenceEquals(v.Through, file)).ToArray())
        {
            process.Addresses.RemoveAt(vma.Start);
            _mappings.GiveUp(process, vma);
        }

        foreach (int fd in process.Fds.OpenFds().Where(n => ReferenceEquals(process.Fds.Find(n), file.File)).ToArray())
        {
            GuestFiles.Put(process.Fds.Remove(fd)!);
        }
    }

    // What is there already stays, with its pages; a reference that was taken for it goes again.
    private void Replace(GuestProcess process, Dictionary<ulong, Vma> wanted)
    {
        AddressSpace space = process.Addresses;
        foreach (Vma vma in space.Ascending().Where(v => v.Through is not null).ToArray())
        {
            if (wanted.TryGetValue(vma.Start, out Vma? same) && same == vma)
            {
                wanted.Remove(vma.Start);
                GuestFiles.Put(vma.File!);
                continue;
            }

            space.RemoveAt(vma.Start);
            _mappings.GiveUp(process, vma);
        }

        foreach (Vma vma in wanted.Values.OrderByDescending(v => v.Start))
        {
            foreach (Vma covered in space.TakeOut(vma.Start, vma.End))
            {
                _mappings.GiveUp(process, covered);
            }

            space.Add(vma);
        }
    }

    private static Failure? CheckRanges(IReadOnlyList<NativeMapping> mappings)
    {
        ulong end = 0;
        foreach (NativeMapping mapping in mappings.OrderBy(m => m.Start))
        {
            bool pages = Memory.Frames.Page.IsAligned(mapping.Start)
                && Memory.Frames.Page.IsAligned(mapping.Length)
                && Memory.Frames.Page.IsAligned(mapping.Offset);
            if (!pages || mapping.Length == 0 || mapping.Start < end || mapping.Start >= AddressSpaceBytes
                || mapping.Length > AddressSpaceBytes - mapping.Start)
            {
                return new Failure(Errno.EINVAL, "set_mappings", "check range",
                    $"0x{mapping.Start:x} + {mapping.Length} at offset {mapping.Offset} is no range of pages of its own.", "mappings");
            }

            end = mapping.Start + mapping.Length;
        }

        return null;
    }
}
