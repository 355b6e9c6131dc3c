using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Fences;

/// <summary>The waits of a guest. No wait is endless: each has a limit in guest time, and ends with the process that waits.</summary>
internal sealed class FenceWaits(DeadlineQueue deadlines)
{
    private readonly LinkedList<(GuestProcess Owner, FenceWait Wait)> _waits = new();

    /// <summary>Waits that go on.</summary>
    public int Count => _waits.Count;

    /// <summary>Starts a wait for all of the fences, or returns null when none is pending.</summary>
    /// <param name="process">Who waits.</param>
    /// <param name="operation">The call that waits.</param>
    /// <param name="fences">Fences.</param>
    /// <param name="limit">Guest time after which it ends with ETIMEDOUT.</param>
    /// <param name="finish">Finishes the call under the lock; may change the outcome.</param>
    public FenceWait? ForAll(
        GuestProcess process, string operation, IReadOnlyCollection<Fence> fences,
        TimeSpan limit, Func<Failure?, Failure?>? finish = null) =>
        fences.All(f => f.Signalled) ? null : Start(process, operation, fences, any: false, limit, finish);

    /// <summary>Starts a wait for any of the fences; it also ends well when its time is over, as poll does.</summary>
    public FenceWait ForAny(GuestProcess process, string operation, IReadOnlyCollection<Fence> fences, TimeSpan limit) =>
        Start(process, operation, fences, any: true, limit, static failure => failure?.Errno == Errno.ETIMEDOUT ? null : failure);

    /// <summary>Ends every wait: the guest is gone.</summary>
    public void EndAll(Failure failure)
    {
        while (_waits.First is { } first)
        {
            first.Value.Wait.Complete(failure);
        }
    }

    /// <summary>Ends the waits of a process that dies, oldest first, as its fatal signal does (S-BUF-50, 63).</summary>
    public void EndOf(GuestProcess process)
    {
        foreach ((GuestProcess owner, FenceWait wait) in _waits.Where(w => ReferenceEquals(w.Owner, process)).ToArray())
        {
            wait.Complete(new Failure(Errno.EINTR, wait.Operation, "wait for fences",
                $"Process {owner.Pid} ended while it waited.", "process"));
        }
    }

    private FenceWait Start(
        GuestProcess process, string operation, IReadOnlyCollection<Fence> fences, bool any,
        TimeSpan limit, Func<Failure?, Failure?>? finish)
    {
        var wait = new FenceWait(operation, fences, any, finish ?? (static f => f));
        LinkedListNode<(GuestProcess, FenceWait)> node = _waits.AddLast((process, wait));
        (long, ulong) deadline = deadlines.Add(limit, () => wait.Complete(
            new Failure(Errno.ETIMEDOUT, operation, "wait for fences",
                $"The fences did not signal within {limit.TotalSeconds} s of guest time.")));
        wait.Ended += () =>
        {
            _waits.Remove(node);
            deadlines.Remove(deadline);
        };
        return wait;
    }
}
