using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// A call that waits in the supervisor for something that may never come. It ends once: well, by a signal, or with its thread.
/// </summary>
/// <param name="call">The call.</param>
/// <param name="how">How a signal ends it.</param>
internal class WaitingCall(StoppedCall call, Interruption how)
{
    private const int Looks = 2;
    private int _over;
    private int _shared;

    /// <summary>The call.</summary>
    protected StoppedCall Call => call;

    /// <summary>True once it has ended.</summary>
    public bool IsOver => Volatile.Read(ref _over) != 0;

    /// <summary>Takes the right to end it: of all that would, one gets it.</summary>
    public bool TryEnd()
    {
        if (Interlocked.Exchange(ref _over, 1) != 0)
        {
            return false;
        }

        Ended();
        return true;
    }

    /// <summary>Looks whether it is to end: its thread is gone, or a signal is there for it.</summary>
    public virtual void Look()
    {
        if (!call.IsWaiting)
        {
            _ = TryEnd();
        }
        else if (SignalSets.Of(call.Tid) is { } signals && InterruptionBy(signals) is { } interruption && TryEnd())
        {
            call.Interrupt(interruption);
        }
    }

    /// <summary>Gives up what it waits for.</summary>
    protected virtual void Ended()
    {
    }

    // A restart may be asked for only where the kernel will deliver a signal to this very thread: a program must never see the number. A
    // signal of the whole process goes to its first thread if that takes it; else to one of those that do, and only a wait that goes on
    // says that it is this one.
    private Interruption? InterruptionBy(SignalSets signals)
    {
        bool own = signals.Thread != 0;
        bool shared = signals.Process != 0;
        _shared = shared ? _shared + 1 : 0;
        return own || (shared && signals.IsFirst) ? how
            : shared && _shared > Looks && SignalSets.Of(signals.Pid) is { Process: 0 } ? Interruption.Plain
            : null;
    }
}
