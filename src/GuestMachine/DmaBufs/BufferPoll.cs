using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// poll of a dma-buf (S-BUF-13): POLLIN and POLLOUT have one callback each, on the first fence that is pending. A queued callback holds a
/// reference on the file, so a buffer that was polled lives on until the fence signals, even when every fd is closed (recorded).
/// </summary>
internal sealed class BufferPoll(DmaBuf buffer)
{
    private const PollEvents Known = PollEvents.In | PollEvents.Out;
    private bool _inQueued;
    private bool _outQueued;

    /// <summary>Callbacks that wait, each with a reference on the file.</summary>
    public int Queued => (_inQueued ? 1 : 0) + (_outQueued ? 1 : 0);

    /// <summary>The events that are ready among those asked for; queues callbacks for the others.</summary>
    public PollEvents Ask(PollEvents wanted)
    {
        PollEvents ready = wanted & Known;
        if (ready.HasFlag(PollEvents.Out) && Blocked(ref _outQueued, write: true, () => _outQueued = false))
        {
            ready &= ~PollEvents.Out;
        }

        if (ready.HasFlag(PollEvents.In) && Blocked(ref _inQueued, write: false, () => _inQueued = false))
        {
            ready &= ~PollEvents.In;
        }

        return ready;
    }

    /// <summary>The fences whose signal may change the answer.</summary>
    public IEnumerable<Fence> PendingFor(PollEvents wanted) =>
        wanted.HasFlag(PollEvents.Out) ? buffer.Fences.PendingOf(Reservation.UsageFor(write: true))
        : wanted.HasFlag(PollEvents.In) ? buffer.Fences.PendingOf(Reservation.UsageFor(write: false))
        : [];

    private bool Blocked(ref bool queued, bool write, Action clear)
    {
        if (queued)
        {
            return true;
        }

        if (buffer.Fences.PendingOf(Reservation.UsageFor(write)) is not [Fence first, ..])
        {
            return false;
        }

        queued = true;
        buffer.References++;
        first.OnSignal(() =>
        {
            clear();
            GuestFiles.Put(buffer);
        });
        return true;
    }
}
