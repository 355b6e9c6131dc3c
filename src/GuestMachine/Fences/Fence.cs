using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Fences;

/// <summary>
/// A point in time that has come or not: a dma_fence.
/// Models: identity (context and sequence number), names, one-way signalling with or without an error, the time of it, callbacks in the
/// order of their registration. Does not model: containers (a sync file holds its fences in a list), enabling of signalling, references.
/// </summary>
/// <param name="context">Whose fences they are; only fences of one context can be compared.</param>
/// <param name="seqno">Sequence number in its context.</param>
/// <param name="driver">Name of the driver.</param>
/// <param name="timeline">Name of the timeline.</param>
/// <remarks>The guest's lock guards it, and callbacks run under it.</remarks>
internal sealed class Fence(ulong context, uint seqno, string driver, string timeline)
{
    private LinkedList<Action>? _callbacks;

    public ulong Context { get; } = context;

    public uint Seqno { get; } = seqno;

    public string Driver { get; } = driver;

    public string Timeline { get; } = timeline;

    public bool Signalled { get; private set; }

    /// <summary>Set with the signal; None: it went well.</summary>
    public Errno Error { get; private set; }

    /// <summary>Guest time of the signal in nanoseconds; 0 before.</summary>
    public ulong Timestamp { get; private set; }

    /// <summary>The earliest time by which somebody wants it, in nanoseconds; null: nobody said.</summary>
    public ulong? Deadline { get; private set; }

    /// <summary>As SYNC_IOC_FILE_INFO says it: 0 pending, 1 signalled, negative errno.</summary>
    public int Status => !Signalled ? 0 : Error == Errno.None ? 1 : -(int)Error;

    /// <summary>True if this one comes after the other of its context. Numbers wrap, so it is their distance that counts.</summary>
    public bool IsLaterThan(Fence other) => unchecked((int)(Seqno - other.Seqno)) > 0;

    /// <summary>Signals once; later signals change nothing and return false.</summary>
    /// <param name="now">Guest time in nanoseconds.</param>
    /// <param name="error">What went wrong, if anything.</param>
    public bool Signal(ulong now, Errno error = Errno.None)
    {
        if (Signalled)
        {
            return false;
        }

        Signalled = true;
        Error = error;
        Timestamp = now;
        LinkedList<Action>? callbacks = _callbacks;
        _callbacks = null;
        foreach (Action callback in callbacks ?? [])
        {
            callback();
        }

        return true;
    }

    /// <summary>Somebody wants it by a time; a fence that has signalled does not care.</summary>
    public void Hurry(ulong deadline) => Deadline = Signalled ? Deadline : Math.Min(Deadline ?? ulong.MaxValue, deadline);

    /// <summary>Registers a callback for the signal. Only for a fence that has not signalled.</summary>
    public LinkedListNode<Action> OnSignal(Action callback) =>
        Signalled ? throw new InvalidOperationException("The fence has signalled already.") : (_callbacks ??= new()).AddLast(callback);

    /// <summary>Takes a callback back; harmless after the signal.</summary>
    public void Forget(LinkedListNode<Action> callback) => (callback.List == _callbacks ? _callbacks : null)?.Remove(callback);
}
