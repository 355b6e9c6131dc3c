namespace CocoGuest.Machine.Fences;

/// <summary>The waits of a guest. No wait is endless: each has a limit in guest time.</summary>
internal sealed class FenceWaits(DeadlineQueue deadlines)
{
    private readonly LinkedList<FenceWait> _waits = new();

    /// <summary>Waits that go on.</summary>
    public int Count => _waits.Count;

    /// <summary>Starts a wait for all of the fences, or returns null when none is pending.</summary>
    /// <param name="operation">The call that waits.</param>
    /// <param name="fences">Fences.</param>
    /// <param name="limit">Guest time after which it ends with ETIMEDOUT.</param>
    /// <param name="finish">Finishes the call under the lock; may change the outcome.</param>
    public FenceWait? ForAll(string operation, IReadOnlyCollection<Fence> fences, TimeSpan limit, Func<Failure?, Failure?>? finish = null) =>
        fences.All(f => f.Signalled) ? null : Start(operation, fences, any: false, limit, finish);

    /// <summary>Starts a wait for any of the fences; it also ends well when its time is over, as poll does.</summary>
    public FenceWait ForAny(string operation, IReadOnlyCollection<Fence> fences, TimeSpan limit) =>
        Start(operation, fences, any: true, limit, static failure => failure?.Errno == Errno.ETIMEDOUT ? null : failure);

    /// <summary>Ends every wait: the guest is gone.</summary>
    public void EndAll(Failure failure)
    {
        while (_waits.First is { } first)
        {
            first.Value.Complete(failure);
        }
    }

    private FenceWait Start(
        string operation, IReadOnlyCollection<Fence> fences, bool any, TimeSpan limit, Func<Failure?, Failure?>? finish)
    {
        var wait = new FenceWait(operation, fences, any, finish ?? (static f => f));
        LinkedListNode<FenceWait> node = _waits.AddLast(wait);
        (long, ulong) deadline = deadlines.Add(limit, () => wait.Complete(
            new Failure(Errno.ETIMEDOUT, operation, "wait for fences", $"The fences did not signal within {limit.TotalSeconds} s of guest time.")));
        wait.Ended += () =>
        {
            _waits.Remove(node);
            deadlines.Remove(deadline);
        };
        return wait;
    }
}
