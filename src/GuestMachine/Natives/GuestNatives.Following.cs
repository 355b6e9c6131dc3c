using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Natives;

/// <content>Readiness of dma-bufs that native processes watch.</content>
public sealed partial class GuestNatives
{
    /// <summary>
    /// Tells which of POLLIN and POLLOUT a native dma-buf is ready for:
    /// at once, and at each change until the result is disposed (S-BUF-13).
    /// </summary>
    /// <param name="file">The dma-buf.</param>
    /// <param name="changed">
    /// Runs under the guest's lock, before the call that changed it is over; must neither wait nor call the guest.
    /// </param>
    /// <exception cref="ArgumentException">It is no dma-buf.</exception>
    public IDisposable Follow(NativeFile file, Action<PollEvents> changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        if (file?.File is not DmaBuf buffer)
        {
            throw new ArgumentException("Only the fences of a dma-buf can be followed.", nameof(file));
        }

        using Lock.Scope held = _gate.Hold();
        _fences.Deadlines.RunDue();
        return new PollFollower(buffer, _gate, changed);
    }
}
