using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Fences;

/// <summary>
/// A software timeline: a counter that its owner raises, and fences that wait for values of it; the file of a <c>sw_sync</c> fd.
/// Models: one fence a value, signalling in the order of values, the end of the file: what waits then signals with ENOENT in that same order
/// (recorded: status −2). Does not model: the legacy Android calls.
/// </summary>
/// <param name="context">Fence context of its own.</param>
/// <param name="name">Name of the timeline.</param>
/// <param name="now">Guest time in nanoseconds.</param>
internal sealed class FenceTimeline(ulong context, string name, Func<ulong> now) : GuestFile(SyncFile.AnonymousInode, AccessMode.ReadWrite)
{
    /// <summary>Driver name of its fences.</summary>
    public const string Driver = "sw_sync";

    // Sorted by value: they wait in that order.
    private readonly List<Fence> _waiting = [];

    /// <inheritdoc/>
    public override string Kind => "sw_sync timeline";

    /// <inheritdoc/>
    public override FileKind Type => FileKind.Timeline;

    /// <summary>How far it has come.</summary>
    public uint Value { get; private set; }

    /// <summary>Fences that wait.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>Those fences, in the order of their values.</summary>
    public IReadOnlyList<Fence> Pending => _waiting;

    /// <summary>The fence for a value: that of an earlier call if it still waits; signalled at once if the timeline is there already.</summary>
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

    /// <summary>A fence that nobody got goes without a signal.</summary>
    public void Forget(Fence fence) => _waiting.Remove(fence);

    /// <summary>SW_SYNC_IOC_INC: raises the counter and signals what waited for it.</summary>
    public void Advance(uint by)
    {
        Value = unchecked(Value + by);
        SignalWhile(Reached, Errno.None);
    }

    /// <inheritdoc/>
    public override void Released() => SignalWhile(static _ => true, Errno.ENOENT);

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
