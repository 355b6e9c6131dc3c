using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Fences;

/// <summary>
/// A software timeline: a counter that its owner raises, and fences that wait for values of it; the file of a <c>sw_sync</c> fd.
/// Models: one fence a value, signalling in the order of values, the end of the file: what waits then signals with ENOENT in that same
/// order (recorded: status −2). Does not model: the legacy Android calls.
/// </summary>
/// <param name="room">The room that makes sync files of it.</param>
/// <param name="context">Fence context of its own.</param>
/// <param name="name">Name of the timeline.</param>
/// <param name="access">Access mode of the open; the commands ask for none.</param>
/// <param name="now">Guest time in nanoseconds.</param>
internal sealed class FenceTimeline(GuestFences room, ulong context, string name, AccessMode access, Func<ulong> now)
    : GuestFile(SyncFile.AnonymousInode, access)
{
    /// <summary>Driver name of its fences.</summary>
    public const string Driver = "sw_sync";

    private const uint LargestStep = int.MaxValue;

    private static readonly FileCalls DebugfsCalls = FileCalls.PseudoFile.With(
        (FileCall.Pread, FileCallCell.Reads(Errno.EINVAL)), (FileCall.Pwrite, FileCallCell.Writes(Errno.EINVAL)),
        (FileCall.Ftruncate, FileCallCell.Any(Errno.None) with { Believed = true }),
        (FileCall.Fallocate, FileCallCell.Writes(Errno.EOPNOTSUPP)),
        (FileCall.Fadvise, FileCallCell.Any(Errno.None) with { Believed = true }),
        (FileCall.Readahead, FileCallCell.Reads(Errno.EINVAL) with { Believed = true }),
        (FileCall.SetLease, FileCallCell.Any(Errno.EAGAIN) with { Believed = true }),
        (FileCall.CopyFileRangeFrom, FileCallCell.Any(Errno.EINVAL) with { Believed = true }),
        (FileCall.CopyFileRangeTo, FileCallCell.Any(Errno.EINVAL) with { Believed = true }),
        (FileCall.Fgetxattr, FileCallCell.Any(Errno.EOPNOTSUPP) with { Believed = true }),
        (FileCall.Flistxattr, FileCallCell.Any(Errno.None) with { Believed = true }),
        (FileCall.EpollAdd, FileCallCell.Any(Errno.EPERM)));

    // Sorted by value: they wait in that order.
    private readonly List<Fence> _waiting = [];

    /// <inheritdoc/>
    public override string Kind => "sw_sync timeline";

    /// <inheritdoc/>
    public override FileKind Type => FileKind.Timeline;

    /// <inheritdoc/>
    public override FileSystem FileSystem => FileSystem.Debug;

    /// <summary>A regular file of debugfs.</summary>
    public override FileCalls Calls => DebugfsCalls;

    /// <inheritdoc/>
    public override bool MakesFd(uint command) => TimelineIoctl.MakesFd(command);

    /// <inheritdoc/>
    public override Result<IoctlOutcome> Ioctl(IoctlCall call) =>
        room.RunTimeline(call, this) is not { } outcome ? NotACommand(call.Command) : outcome;

    /// <summary>How far it has come.</summary>
    public uint Value { get; private set; }

    /// <summary>Fences that wait, in the order of their values.</summary>
    public IReadOnlyList<Fence> Pending => _waiting;

    /// <summary>
    /// The fence for a value: that of an earlier call if it still waits; signalled at once if the timeline is there already.
    /// </summary>
    public Fence FenceAt(uint value)
    {
        int at = _waiting.FindIndex(f => f.Seqno == value);
        if (at >= 0)
        {
            return _waiting[at];
        }

        var fence = new Fence(context, value, Driver, name);
        if (Reached(fence))
        {
            fence.Signal(now());
            return fence;
        }

        at = _waiting.FindIndex(f => f.IsLaterThan(fence));
        _waiting.Insert(at < 0 ? _waiting.Count : at, fence);
        return fence;
    }

    /// <summary>
    /// SW_SYNC_IOC_INC: raises the counter and signals what waited for it. More than half of the range goes in steps, since one so large
    /// would look like a step back (S-BUF-89).
    /// </summary>
    public void Advance(uint by)
    {
        for (; by > LargestStep; by -= LargestStep)
        {
            Step(LargestStep);
        }

        Step(by);
    }

    /// <inheritdoc/>
    public override void Released() => SignalWhile(static _ => true, Errno.ENOENT);

    private void Step(uint by)
    {
        Value = unchecked(Value + by);
        SignalWhile(Reached, Errno.None);
    }

    private bool Reached(Fence fence) => unchecked((int)(fence.Seqno - Value)) <= 0;

    private void SignalWhile(Func<Fence, bool> due, Errno error)
    {
        while (_waiting.Count != 0 && due(_waiting[0]))
        {
            Fence fence = _waiting[0];
            _waiting.RemoveAt(0);
            fence.Signal(now(), error);
        }
    }
}
