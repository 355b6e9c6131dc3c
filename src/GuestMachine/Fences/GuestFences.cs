using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;

namespace CocoGuest.Machine.Fences;

/// <summary>
/// Fences of a guest: software timelines, sync files, the sync-file calls of dma-bufs, poll, waits.
/// Models: S-BUF-13, 72 to 75; SYNC_IOC_MERGE and SYNC_IOC_FILE_INFO; sw_sync timelines; vgem fences of a process.
/// Does not model: what a driver does about a deadline.
/// </summary>
/// <remarks>
/// <para>Nobody waits for ever: a wait ends with ETIMEDOUT after <see cref="LongestWait"/> of guest time, where a kernel would go on.</para>
/// <para>A process that dies stops waiting first (EINTR). Then it closes its fds in ascending order: timelines signal what waits on them with
/// ENOENT, in the order of values. Then its devices go; last, its vgem fences signal without an error, in the order of their numbers. A guest that ends ends its waits with EOWNERDEAD.</para>
/// </remarks>
public sealed partial class GuestFences : IDisposable
{
    /// <summary>Guest time after which any wait for fences ends with ETIMEDOUT.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(10);

    private const int TimelineNameLimit = 31;
    private const uint AccessBits = 3;
    private const uint ReadBit = 1;
    private const uint WriteBit = 2;
    private const PollEvents AlwaysReady = PollEvents.In | PollEvents.Out | PollEvents.ReadNormal | PollEvents.WriteNormal;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestFiles _files;
    private readonly Dictionary<GuestProcess, VgemFences> _vgemFiles = [];
    private ulong _lastContext;

    internal GuestFences(GuestCore core, ProcessTable processes, GuestFiles files)
    {
        _core = core;
        _gate = core.Gate;
        _files = files;
        processes.Holders.Add(ProcessRelease.Fences, CloseVgemFile);
        Deadlines = new DeadlineQueue(core.Time, core.Gate);
        Waits = new FenceWaits(Deadlines);
        Rules = FenceRules.Of(core.Shape.Kernel);
    }

    /// <summary>Waits that go on; for tests and the census.</summary>
    internal FenceWaits Waits { get; }

    internal DeadlineQueue Deadlines { get; }

    internal FenceRules Rules { get; }

    /// <summary>Opens a software timeline at value 0.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="name">Name of the timeline, at most 31 characters; empty: the process' name, cut.</param>
    /// <returns>EINVAL for a long name, EMFILE.</returns>
    public Result<int> CreateTimeline(GuestProcess process, string name)
    {
        using Lock.Scope held = _gate.Hold();
        if (Enter(process) is { } dead)
        {
            return dead;
        }

        if (name.Length > TimelineNameLimit)
        {
            return new Failure(Errno.EINVAL, "sw_sync_open", "check name",
                $"The name has {name.Length} characters; at most {TimelineNameLimit}.", "name");
        }

        return GuestFiles.Install(process, NewTimeline(process, name), true, "sw_sync_open");
    }

    /// <summary>A timeline at value 0; nobody has an fd on it yet.</summary>
    internal FenceTimeline NewTimeline(GuestProcess process, string name = "")
    {
        string own = process.Name.Length > TimelineNameLimit ? process.Name[..TimelineNameLimit] : process.Name;
        return new FenceTimeline(NextContext(), name.Length == 0 ? own : name, () => Deadlines.Now);
    }

    /// <summary>SW_SYNC_IOC_CREATE_FENCE: a sync file that signals when the timeline reaches a value.</summary>
    /// <returns>EBADF; ENOTTY for a fd that is no timeline; EMFILE.</returns>
    public Result<int> CreateFence(GuestProcess process, int timelineFd, uint value)
    {
        using Lock.Scope held = _gate.Hold();
        Result<FenceTimeline> timeline = Find<FenceTimeline>(process, timelineFd, "SW_SYNC_IOC_CREATE_FENCE", Errno.ENOTTY);
        if (!timeline.Ok)
        {
            return timeline.Failure;
        }

        int waiting = timeline.Value.Waiting;
        Fence fence = timeline.Value.FenceAt(value);
        Result<int> installed = GuestFiles.Install(process, new SyncFile([fence]), true, "SW_SYNC_IOC_CREATE_FENCE");
        if (!installed.Ok && timeline.Value.Waiting != waiting)
        {
            timeline.Value.Forget(fence);
        }

        return installed;
    }

    /// <summary>SW_SYNC_IOC_INC: raises a timeline.</summary>
    /// <returns>EBADF; ENOTTY for a fd that is no timeline.</returns>
    public Failure? Advance(GuestProcess process, int timelineFd, uint by)
    {
        using Lock.Scope held = _gate.Hold();
        Result<FenceTimeline> timeline = Find<FenceTimeline>(process, timelineFd, "SW_SYNC_IOC_INC", Errno.ENOTTY);
        if (timeline.Ok)
        {
            timeline.Value.Advance(by);
        }

        return timeline.Failure;
    }

    /// <summary>DMA_BUF_IOCTL_EXPORT_SYNC_FILE (S-BUF-73, 74).</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">fd of the buffer.</param>
    /// <param name="flags">READ 1: what a reader waits for; WRITE 2, RW 3: what a writer waits for.</param>
    /// <returns>EBADF; ENOTTY for a fd that is no dma-buf; EINVAL for flags; EMFILE; ENOMEM.</returns>
    public Result<int> ExportSyncFile(GuestProcess process, int fd, uint flags)
    {
        const string Operation = "DMA_BUF_IOCTL_EXPORT_SYNC_FILE";
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> buffer = Find<DmaBuf>(process, fd, Operation, Errno.ENOTTY);
        if (!buffer.Ok)
        {
            return buffer.Failure;
        }

        if (CheckFlags(flags, Operation) is { } wrong)
        {
            return wrong;
        }

        Fence[] pending = buffer.Value.Fences.PendingOf(Reservation.UsageFor((flags & WriteBit) != 0));
        Result<int> installed = GuestFiles.Install(process, NewFile(pending), true, Operation);
        if (installed.Ok && _core.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab))
        {
            // The fd comes first, the file after it (S-BUF-74).
            GuestFiles.Put(process.Fds.Remove(installed.Value)!);
            return NoMemory(Operation, "create sync file");
        }

        return installed;
    }

    /// <summary>DMA_BUF_IOCTL_IMPORT_SYNC_FILE (S-BUF-73, 75).</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">fd of the buffer.</param>
    /// <param name="flags">READ 1: a read fence; WRITE 2, RW 3: a write fence.</param>
    /// <param name="syncFd">fd of the sync file.</param>
    /// <returns>EBADF for <paramref name="fd"/>; ENOTTY when it is no dma-buf; EINVAL for flags, then for a fd that is no sync
    /// file; ENOMEM.</returns>
    public Failure? ImportSyncFile(GuestProcess process, int fd, uint flags, int syncFd)
    {
        const string Operation = "DMA_BUF_IOCTL_IMPORT_SYNC_FILE";
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> buffer = Find<DmaBuf>(process, fd, Operation, Errno.ENOTTY);
        if (!buffer.Ok)
        {
            return buffer.Failure;
        }

        if (CheckFlags(flags, Operation) is { } wrong)
        {
            return wrong;
        }

        if (process.Fds.Find(syncFd) is not SyncFile file)
        {
            return new Failure(Errno.EINVAL, Operation, "look up sync file",
                string.Create(CultureInfo.InvariantCulture, $"fd {syncFd} is no sync file (S-BUF-75)."), "sync_fd");
        }

        if (_core.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab))
        {
            return NoMemory(Operation, "reserve fences");
        }

        FenceUsage usage = (flags & WriteBit) != 0 ? FenceUsage.Write : FenceUsage.Read;
        Reservation fences = buffer.Value.Fences;
        fences.Reserve(file.Fences.Count);
        foreach (Fence fence in file.Fences)
        {
            fences.Add(fence, usage);
        }

        return null;
    }

    /// <summary>SYNC_IOC_FILE_INFO.</summary>
    /// <returns>EBADF; ENOTTY for a fd that is no sync file.</returns>
    public Result<SyncFileInfo> Info(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<SyncFile> file = Find<SyncFile>(process, fd, "SYNC_IOC_FILE_INFO", Errno.ENOTTY);
        return file.Ok ? new SyncFileInfo(file.Value.Status, [.. file.Value.Fences.Select(Tell)]) : file.Failure;
    }

    /// <summary>SYNC_IOC_MERGE: a third sync file that signals when both have.</summary>
    /// <returns>EBADF; ENOTTY for a first fd that is no sync file; ENOENT for a second that is none; EMFILE.</returns>
    public Result<int> Merge(GuestProcess process, int fd, int otherFd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<SyncFile> file = Find<SyncFile>(process, fd, "SYNC_IOC_MERGE", Errno.ENOTTY);
        if (!file.Ok)
        {
            return file.Failure;
        }

        return process.Fds.Find(otherFd) is SyncFile other
            ? GuestFiles.Install(process, MergeFiles(file.Value, other, ""), true, "SYNC_IOC_MERGE")
            : new Failure(Errno.ENOENT, "SYNC_IOC_MERGE", "look up fd2",
                string.Create(CultureInfo.InvariantCulture, $"fd {otherFd} is no sync file."), "fd2");
    }

    /// <summary>poll of some fds, once. When nothing is ready and the time is not zero, the answer has a wait: ask again when it completes.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="entries">fds and events.</param>
    /// <param name="timeout">Guest time to wait for; negative: as long as any wait.</param>
    public Result<PollAnswer> Poll(GuestProcess process, IReadOnlyList<PollEntry> entries, TimeSpan timeout)
    {
        using Lock.Scope held = _gate.Hold();
        if (Enter(process) is { } dead)
        {
            return dead;
        }

        var events = new PollEvents[entries.Count];
        for (int i = 0; i < events.Length; i++)
        {
            events[i] = Ask(process, entries[i]);
        }

        int ready = events.Count(e => e != PollEvents.None);
        bool waits = ready == 0 && timeout != TimeSpan.Zero;
        TimeSpan limit = timeout < TimeSpan.Zero || timeout > LongestWait ? LongestWait : timeout;
        return new PollAnswer(ready, events, waits ? Waits.ForAny(process, "poll", [.. entries.SelectMany(e => Pending(process, e))], limit) : null);
    }

    /// <summary>A signal for whoever waits: the wait ends with EINTR and the call is undone as far as it has to be (S-BUF-50, 63).</summary>
    public void Interrupt(FenceWait wait)
    {
        using Lock.Scope held = _gate.Hold();
        wait.Complete(new Failure(Errno.EINTR, wait.Operation, "wait for fences", "The wait was interrupted."));
    }

    /// <summary>vgem: attaches a fence of the process to a buffer (flags: 1 = write). EINVAL, EBUSY.</summary>
    public Result<uint> AttachFence(GuestProcess process, int fd, uint flags)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> buffer = Find<DmaBuf>(process, fd, "VGEM_FENCE_ATTACH", Errno.EINVAL);
        return buffer.Ok ? VgemFileOf(process).Attach(buffer.Value.Fences, flags) : buffer.Failure;
    }

    /// <summary>vgem: signals a fence of the process. ENOENT, ETIMEDOUT.</summary>
    public Failure? SignalFence(GuestProcess process, uint number)
    {
        using Lock.Scope held = _gate.Hold();
        return Enter(process) ?? VgemFileOf(process).Signal(number);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using Lock.Scope held = _gate.Hold();
        EndWaits();
        Deadlines.Dispose();
    }

    /// <summary>The guest is gone or terminated itself: nobody will signal any more.</summary>
    internal void EndWaits() =>
        Waits.EndAll(new Failure(Errno.EOWNERDEAD, "find_guest", "wait for fences", $"Guest {_core.Shape.Name} is gone.", "guest"));

    /// <summary>A fence context that no other fence has.</summary>
    internal ulong NextContext() => ++_lastContext;

    /// <summary>A table of vgem fences for one open DRM file.</summary>
    internal VgemFences NewVgemFile() => new(this, Deadlines);

    /// <summary>The fences that a process attached without a node of its own, or null; for tests.</summary>
    internal VgemFences? FindVgemFile(GuestProcess process) => _vgemFiles.GetValueOrDefault(process);

    // The fences that a process attached without a node of its own.
    private VgemFences VgemFileOf(GuestProcess process)
    {
        if (!_vgemFiles.TryGetValue(process, out VgemFences? file))
        {
            file = NewVgemFile();
            _vgemFiles.Add(process, file);
        }

        return file;
    }

    private void CloseVgemFile(GuestProcess process)
    {
        if (_vgemFiles.Remove(process, out VgemFences? file))
        {
            file.Close();
        }
    }

    // What is due by guest time has happened before anything else does.
    private Failure? Enter(GuestProcess process)
    {
        Deadlines.RunDue();
        return _gate.Begin(process);
    }

    private Result<T> Find<T>(GuestProcess process, int fd, string operation, Errno otherKind)
        where T : GuestFile
    {
        Deadlines.RunDue();
        return _files.Find<T>(process, fd, operation, otherKind);
    }

    /// <summary>The file that SYNC_IOC_MERGE makes of two.</summary>
    internal SyncFile MergeFiles(SyncFile first, SyncFile second, string name) =>
        new(SyncFile.OrStub(SyncFile.Merge(first, second), NextContext, Deadlines.Now)) { Name = name };

    /// <summary>The name of a sync file: what a merge gave it, or driver, timeline, context and number of its fence (S-BUF-79).</summary>
    internal string NameOf(SyncFile file)
    {
        Fence last = file.Fences[^1];
        (string driver, string timeline) = file.Fences.Count > 1 ? ("dma_fence_array", "unbound") : Rules.NamesOf(last);
        return file.Name.Length != 0 ? file.Name
            : string.Create(CultureInfo.InvariantCulture, $"{driver}-{timeline}{last.Context}-{(file.Fences.Count > 1 ? 1 : last.Seqno)}");
    }

    private SyncFile NewFile(IReadOnlyList<Fence> pending) => new(SyncFile.OrStub(pending, NextContext, Deadlines.Now));

    private SyncFenceInfo Tell(Fence fence)
    {
        (string driver, string timeline) = Rules.NamesOf(fence);
        return new SyncFenceInfo(timeline, driver, fence.Status, fence.Timestamp);
    }

    // Files that have no poll of their own are always ready for what is asked.
    private static PollEvents Ask(GuestProcess process, PollEntry entry) => entry.Fd < 0 ? PollEvents.None
        : process.Fds.Find(entry.Fd) switch
        {
            null => PollEvents.Invalid,
            DmaBuf buffer => buffer.Poll.Ask(entry.Events),
            SyncFile file => file.Signalled ? entry.Events & PollEvents.In : PollEvents.None,
            // A DRM node is ready when it has events, and here it never has.
            Drm.DrmFile => PollEvents.None,
            _ => entry.Events & AlwaysReady,
        };

    private static IEnumerable<Fence> Pending(GuestProcess process, PollEntry entry) => process.Fds.Find(entry.Fd) switch
    {
        DmaBuf buffer => buffer.Poll.PendingFor(entry.Events),
        SyncFile file when entry.Events.HasFlag(PollEvents.In) => file.Fences.Where(f => !f.Signalled),
        _ => [],
    };

    private static Failure NoMemory(string operation, string step) => new(Errno.ENOMEM, operation, step, "No memory (S-BUF-74, 75).");

    private static Failure? CheckFlags(uint flags, string operation) =>
        (flags & ~AccessBits) != 0 || flags == 0
            ? new Failure(Errno.EINVAL, operation, "check flags", flags == 0
                ? "flags ask for neither READ nor WRITE (S-BUF-73)."
                : $"flags 0x{flags:x} have bits outside READ {ReadBit} and WRITE {WriteBit} (S-BUF-73).", "flags")
            : null;
}
