using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Fences;

/// <summary>
/// A sync file: fences behind an fd.
/// Models: status, merging (signalled fences go, of one context the latest stays), poll, the name that a merge gave.
/// Does not model: the fence that stands for several.
/// </summary>
internal sealed class SyncFile : GuestFile, IPollsFences
{
    /// <summary>Sync files and timelines have no inode of their own: one anonymous inode serves them all.</summary>
    public const ulong AnonymousInode = 0;

    private readonly GuestFences _room;

    /// <param name="room">The room that merges it with others.</param>
    /// <param name="fences">At least one fence.</param>
    public SyncFile(GuestFences room, IReadOnlyList<Fence> fences)
        : base(AnonymousInode, AccessMode.ReadOnly)
    {
        _room = room;
        Fences = fences.Count != 0 ? fences : throw new ArgumentException("A sync file has a fence.", nameof(fences));
    }

    /// <inheritdoc/>
    public override string Kind => "sync_file";

    /// <inheritdoc/>
    public override FileKind Type => FileKind.SyncFile;

    /// <summary>The name that SYNC_IOC_MERGE gave it, one character a byte; empty: it is named after its fence.</summary>
    public string Name { get; init; } = "";

    public IReadOnlyList<Fence> Fences { get; }

    /// <summary>True when all its fences have signalled.</summary>
    public bool Signalled => Fences.All(f => f.Signalled);

    /// <inheritdoc/>
    public override FileCalls Calls => FileCalls.Believed;

    /// <inheritdoc/>
    public override bool MakesFd(uint command) => SyncFileIoctl.MakesFd(command);

    /// <inheritdoc/>
    public override uint? FdArgumentOf(uint command) => SyncFileIoctl.FdArgumentOf(command);

    /// <inheritdoc/>
    public override Result<IoctlOutcome> Ioctl(IoctlCall call) =>
        _room.Ioctl(call, this) is not { } outcome ? NotACommand(call.Command) : outcome;

    /// <inheritdoc/>
    public override PollEvents Poll(PollEvents wanted) => Signalled ? wanted & PollEvents.In : PollEvents.None;

    /// <inheritdoc/>
    public IEnumerable<Fence> FencesToPoll(PollEvents wanted) => wanted.HasFlag(PollEvents.In) ? Fences.Where(f => !f.Signalled) : [];

    /// <summary>0 while any fence waits; then 1, or the negative errno of the first that failed.</summary>
    public int Status => !Signalled ? 0
        : Fences.Where(f => f.Error != Errno.None).OrderBy(f => f.Timestamp).FirstOrDefault()?.Status ?? 1;

    /// <summary>The fences of an export: those that wait, or a signalled stub (S-BUF-74).</summary>
    /// <param name="pending">Fences that have not signalled.</param>
    /// <param name="context">Context for a stub.</param>
    /// <param name="now">Guest time in nanoseconds.</param>
    public static IReadOnlyList<Fence> OrStub(IReadOnlyList<Fence> pending, Func<ulong> context, ulong now)
    {
        if (pending.Count != 0)
        {
            return pending;
        }

        var stub = new Fence(context(), 0, FenceRules.Stub, FenceRules.Stub);
        stub.Signal(now);
        return [stub];
    }

    /// <summary>The fences that a merge of two files keeps: of each context the latest that waits, contexts in rising order.</summary>
    public static IReadOnlyList<Fence> Merge(SyncFile first, SyncFile second) =>
        [.. first.Fences.Concat(second.Fences).Where(f => !f.Signalled)
            .GroupBy(f => f.Context).OrderBy(g => g.Key).Select(g => g.Aggregate((a, b) => b.IsLaterThan(a) ? b : a))];
}
