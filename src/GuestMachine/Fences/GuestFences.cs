using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;

namespace CocoGuest.Machine.Fences;

/// <summary>
/// Fences of a guest: software timelines, sync files, the sync-file calls of dma-bufs, poll, waits.
/// Models: S-BUF-13, 72 to 75; SYNC_IOC_MERGE and SYNC_IOC_FILE_INFO; sw_sync timelines; vgem fences of a process.
/// Does not model: what a driver does about a deadline.
/// </summary>
/// <remarks>
/// <para>Nobody waits for ever: a wait ends with ETIMEDOUT after <see cref="LongestWait"/> of guest time,
/// where a kernel would go on.</para>
/// <para>A process that dies stops waiting first (EINTR). Then it closes its fds in ascending order: timelines signal what waits on them
/// with ENOENT, in the order of values. Then its devices go; last, its vgem fences signal without an error, in the order of their numbers.
/// A guest that ends ends its waits with EOWNERDEAD.</para>
/// </remarks>
public sealed partial class GuestFences : IDisposable
{
    /// <summary>Guest time after which any wait for fences ends with ETIMEDOUT.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(10);

    private const int TimelineNameLimit = 31;
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

        return GuestFiles.Reserve(process, "sw_sync_open") is { } full
            ? full
            : GuestFiles.InstallReserved(process, NewTimeline(process, name), closeOnExec: true);
    }

    /// <summary>A timeline at value 0; nobody has an fd on it yet.</summary>
    internal FenceTimeline NewTimeline(GuestProcess process, string name = "", AccessMode access = AccessMode.ReadWrite)
    {
        string own = process.Name.Length > TimelineNameLimit ? process.Name[..TimelineNameLimit] : process.Name;
        return new FenceTimeline(this, NextContext(), name.Length == 0 ? own : name, access, () => Deadlines.Now);
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

        return GuestFiles.Reserve(process, "SW_SYNC_IOC_CREATE_FENCE") is { } full
            ? full
            : CreateReservedFence(process, timeline.Value, value);
    }

    /// <summary>The same for who has taken the fd's number already: the fd.</summary>
    internal int CreateReservedFence(GuestProcess process, FenceTimeline timeline, uint value) =>
        GuestFiles.InstallReserved(process, new SyncFile(this, [timeline.FenceAt(value)]), closeOnExec: true);

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

    /// <summary>SYNC_IOC_FILE_INFO.</summary>
    /// <returns>EBADF; ENOTTY for a fd that is no sync file.</returns>
    public Result<SyncFileInfo> Info(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<SyncFile> file = Find<SyncFile>(process, fd, "SYNC_IOC_FILE_INFO", Errno.ENOTTY);
        return file.Ok ? new SyncFileInfo(file.Value.Status, [.. file.Value.Fences.Select(Tell)]) : file.Failure;
    }

    /// <summary>SYNC_IOC_MERGE: a third sync file that signals when both have.</summary>
    /// <returns>EBADF; ENOTTY for a first fd that is no sync file; EMFILE; ENOENT for a second that is none (S-BUF-88).</returns>
    public Result<int> Merge(GuestProcess process, int fd, int otherFd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<SyncFile> file = Find<SyncFile>(process, fd, "SYNC_IOC_MERGE", Errno.ENOTTY);
        if (!file.Ok)
        {
            return file.Failure;
        }

        return GuestFiles.Reserve(process, "SYNC_IOC_MERGE") is { } full ? full
            : process.Fds.Find(otherFd) is SyncFile other
                ? GuestFiles.InstallReserved(process, MergeFiles(file.Value, other, ""), closeOnExec: true)
            : new Failure(Errno.ENOENT, "SYNC_IOC_MERGE", "look up fd2",
                string.Create(CultureInfo.InvariantCulture, $"fd {otherFd} is no sync file."), "fd2");
    }

    /// <summary>
    /// poll of some fds, once. When nothing is ready and the time is not zero, the answer has a wait: ask again when it completes.
    /// </summary>
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
        return new PollAnswer(ready, events,
            waits ? Waits.ForAny(process, "poll", [.. entries.SelectMany(e => Pending(process, e))], limit) : null);
    }

    /// <summary>
    /// A signal for whoever waits: the wait ends with EINTR and the call is undone as far as it has to be (S-BUF-50, 63).
    /// </summary>
    public void Interrupt(CallWait wait)
    {
        ArgumentNullException.ThrowIfNull(wait);
        using Lock.Scope held = _gate.Hold();
        wait.Complete(new Failure(Errno.EINTR, wait.Operation, "wait for fences", "The wait was interrupted."));
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

    /// <summary>The fences that a process attached without a node of its own, made if need be.</summary>
    internal VgemFences VgemFileOf(GuestProcess process)
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

    /// <summary>As <see cref="GuestGate.Begin(Caller)"/>; what is due by guest time has happened before anything else does.</summary>
    internal Failure? Enter(GuestProcess process)
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
        new(this, SyncFile.OrStub(SyncFile.Merge(first, second), NextContext, Deadlines.Now)) { Name = name };

    /// <summary>The name of a sync file: what a merge gave it, or driver, timeline, context and number of its fence (S-BUF-79).</summary>
    internal string NameOf(SyncFile file)
    {
        Fence last = file.Fences[^1];
        (string driver, string timeline) = file.Fences.Count > 1 ? ("dma_fence_array", "unbound") : Rules.NamesOf(last);
        return file.Name.Length != 0 ? file.Name
            : string.Create(CultureInfo.InvariantCulture, $"{driver}-{timeline}{last.Context}-{(file.Fences.Count > 1 ? 1 : last.Seqno)}");
    }

    /// <summary>A sync file of fences that wait, or of a signalled stub (S-BUF-74).</summary>
    internal SyncFile NewFile(IReadOnlyList<Fence> pending) => new(this, SyncFile.OrStub(pending, NextContext, Deadlines.Now));

    private SyncFenceInfo Tell(Fence fence)
    {
        (string driver, string timeline) = Rules.NamesOf(fence);
        return new SyncFenceInfo(timeline, driver, fence.Status, fence.Timestamp);
    }

    /// <summary>An ioctl on a sync file; null: it has no such command.</summary>
    internal Result<IoctlOutcome>? Ioctl(IoctlCall call, SyncFile file) => new SyncFileIoctl(_core, this, call, file).Run();

    /// <summary>An ioctl on a timeline; null: it has no such command.</summary>
    internal Result<IoctlOutcome>? RunTimeline(IoctlCall call, FenceTimeline timeline)
    {
        Deadlines.RunDue();
        return new TimelineIoctl(this, call, timeline).Run();
    }

    private static PollEvents Ask(GuestProcess process, PollEntry entry) => entry.Fd < 0 ? PollEvents.None
        : process.Fds.Find(entry.Fd)?.Poll(entry.Events) ?? PollEvents.Invalid;

    private static IEnumerable<Fence> Pending(GuestProcess process, PollEntry entry) =>
        (process.Fds.Find(entry.Fd) as IPollsFences)?.FencesToPoll(entry.Events) ?? [];
}
