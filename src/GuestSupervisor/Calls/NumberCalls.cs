using CocoGuest.Supervisor.Files;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// Calls after which a number of the reserved range may stand for another file, or for none. The host's kernel answers them;
/// <see cref="KnownNumbers"/> is told, because it knows these numbers no longer.
/// </summary>
internal sealed class NumberCalls(KnownNumbers numbers)
{
    private const uint CloseRangeUnshare = 2;

    /// <summary>close.</summary>
    public void Close(StoppedCall call) => Go(call, call.UInt(0), call.UInt(0));

    /// <summary>dup2 and dup3.</summary>
    public void Replace(StoppedCall call) => Go(call, call.UInt(1), call.UInt(1));

    /// <summary>close_range.</summary>
    public void CloseRange(StoppedCall call)
    {
        if ((call.UInt(2) & CloseRangeUnshare) != 0)
        {
            numbers.Stop();
        }

        Go(call, call.UInt(0), call.UInt(1));
    }

    /// <summary>execve and execveat, which close what is close-on-exec.</summary>
    public Action<StoppedCall> BeforeExec(Action<StoppedCall> handler) => call =>
    {
        numbers.Changing(call.Tid, 0, uint.MaxValue);
        handler(call);
    };

    /// <summary>unshare of the fd table.</summary>
    public void Unshare(StoppedCall call)
    {
        numbers.Stop();
        call.Continue();
    }

    private void Go(StoppedCall call, uint first, uint last)
    {
        numbers.Changing(call.Tid, first, last);
        call.Continue();
    }
}
