using CocoGuest.Machine;
using CocoGuest.Machine.Files;

namespace CocoGuest.Supervisor.Calls;

/// <summary>A call that is over when fences have signalled: SYNC START of a buffer with fences (S-BUF-63).</summary>
/// <param name="guest">The guest.</param>
/// <param name="call">The call.</param>
/// <param name="wait">What it waits for.</param>
internal sealed class FenceCall(Guest guest, StoppedCall call, CallWait wait) : WaitingCall(call, Interruption.Restart)
{
    /// <summary>Ends the call when the fences have signalled.</summary>
    public void Follow() => wait.Completion.ContinueWith(
        done =>
        {
            if (TryEnd())
            {
                Call.End(done.Result);
            }
        },
        TaskScheduler.Default);

    /// <inheritdoc/>
    protected override void Ended() => guest.Fences.Interrupt(wait);
}
