using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Fences;

/// <summary>
/// Somebody who waits for fences, outside the guest's lock: a subscription, completed exactly once by the last signal, by an interruption
/// or the end of who waits (EINTR), by guest time (ETIMEDOUT) or by the guest's end (EOWNERDEAD).
/// </summary>
/// <remarks>
/// It waits for the fences of the moment it began. The machine finishes the call (a map that was interrupted is undone) before anybody is
/// told, still under the lock; then <see cref="Completion"/> completes, and its continuations never run under the lock.
/// </remarks>
public sealed class FenceWait : CallWait
{
    private readonly TaskCompletionSource<Failure?> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<Fence, LinkedListNode<Action>> _callbacks = [];
    private readonly Func<Failure?, Failure?> _finish;
    private readonly bool _any;

    internal FenceWait(string operation, IEnumerable<Fence> fences, bool any, Func<Failure?, Failure?> finish)
        : base(operation)
    {
        _any = any;
        _finish = finish;
        foreach (Fence fence in fences)
        {
            if (!fence.Signalled)
            {
                _callbacks.TryAdd(fence, fence.OnSignal(() => OnSignal(fence)));
            }
        }
    }

    /// <inheritdoc/>
    public override Task<Failure?> Completion => _completion.Task;

    /// <summary>Runs under the guest's lock when it is over.</summary>
    internal event Action? Ended;

    internal override void Complete(Failure? failure)
    {
        if (Done)
        {
            return;
        }

        Done = true;
        foreach ((Fence fence, LinkedListNode<Action> callback) in _callbacks)
        {
            fence.Forget(callback);
        }

        _callbacks.Clear();
        Failure? outcome = _finish(failure);
        Ended?.Invoke();
        _completion.SetResult(outcome);
    }

    private void OnSignal(Fence fence)
    {
        _callbacks.Remove(fence);
        if (_any || _callbacks.Count == 0)
        {
            Complete(null);
        }
    }
}
