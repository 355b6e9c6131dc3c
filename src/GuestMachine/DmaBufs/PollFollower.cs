using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Gate;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Somebody outside the guest who shows whether a dma-buf is ready, as an epoll set of the host does: told of each change of POLLIN and
/// POLLOUT (S-BUF-13), at fences that are added and at their signals.
/// <para>Models: the level. Does not model: that a kernel looks only when it is asked. The guest's lock guards it.</para>
/// </summary>
internal sealed class PollFollower : IDisposable
{
    private readonly DmaBuf _buffer;
    private readonly Action<PollEvents> _changed;
    private readonly GuestGate _gate;
    private readonly Dictionary<Fence, LinkedListNode<Action>> _waits = [];
    private PollEvents? _told;
    private bool _over;

    /// <summary>Begins, and tells the first state.</summary>
    public PollFollower(DmaBuf buffer, GuestGate gate, Action<PollEvents> changed)
    {
        (_buffer, _gate, _changed) = (buffer, gate, changed);
        buffer.Fences.Added += Look;
        Look();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using (_gate.Hold())
        {
            _over = true;
            _buffer.Fences.Added -= Look;
            foreach ((Fence fence, LinkedListNode<Action> callback) in _waits)
            {
                fence.Forget(callback);
            }

            _waits.Clear();
        }
    }

    private void Look()
    {
        if (_over)
        {
            return; // a signal whose callbacks were running already
        }

        Fence[] all = _buffer.Fences.PendingOf(Reservation.UsageFor(write: true));
        foreach (Fence fence in all.Where(f => !_waits.ContainsKey(f)))
        {
            _waits.Add(fence, fence.OnSignal(() =>
            {
                _waits.Remove(fence);
                Look();
            }));
        }

        bool readable = _buffer.Fences.PendingOf(Reservation.UsageFor(write: false)).Length == 0;
        PollEvents ready = (readable ? PollEvents.In : 0) | (all.Length == 0 ? PollEvents.Out : 0);
        if (ready != _told)
        {
            _told = ready;
            _changed(ready);
        }
    }
}
