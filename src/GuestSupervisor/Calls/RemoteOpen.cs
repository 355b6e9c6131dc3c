using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// open of a host's file whose reads and writes have to be seen: the kernel opens it for the program, then the program's own thread
/// moves it to a number of the reserved range. By ptrace, so not for a thread that is traced: its file keeps its number, and is not seen.
/// </summary>
internal static class RemoteOpen
{
    private const long Fcntl = 72;
    private const long Close = 3;
    private const ulong Duplicate = 0;
    private const ulong DuplicateCloseOnExec = 1030;

    /// <summary>Lets the call go on, and moves what it opened.</summary>
    /// <param name="call">The stopped open.</param>
    /// <param name="number">A free number of the reserved range.</param>
    /// <param name="closeOnExec">O_CLOEXEC was asked for.</param>
    public static void Go(StoppedCall call, int number, bool closeOnExec) =>
        // ptrace belongs to a thread, and the supervisor's own has to answer the calls that the program makes meanwhile.
        _ = Task.Factory.StartNew(
            () => Move(call, number, closeOnExec), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static void Move(StoppedCall call, int number, bool closeOnExec)
    {
        using var remote = RemoteCalls.Begin(call.Tid);
        call.Continue();
        if (remote is null || !remote.WaitForStop())
        {
            return;
        }

        remote.Result = remote.Returned;
        if (remote.Returned < 0)
        {
            return;
        }

        // Never in place of something: another thread may have taken the number meanwhile.
        long moved = remote.Call(Fcntl, (ulong)remote.Returned, closeOnExec ? DuplicateCloseOnExec : Duplicate, (ulong)number);
        if (moved >= 0)
        {
            remote.Call(Close, (ulong)remote.Returned);
            remote.Result = moved;
        }
    }
}
