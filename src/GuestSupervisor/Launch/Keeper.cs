using System.Runtime.InteropServices;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// The parent of the program: hands on signals and the exit status, and ends everything below it when the supervisor is gone. The
/// supervisor in turn ends what is left when the keeper is gone. So whichever of the two is killed, nothing stays behind.
/// </summary>
internal static unsafe partial class Keeper
{
    private const int Interrupted = 4;
    private const int SignalMask = 0x7f;
    private const int SignalExit = 128;
    private const int StatusShift = 8;
    private const int StatusMask = 0xff;

    private static readonly Lock Ending = new();

    /// <summary>Waits for the program.</summary>
    /// <param name="program">Its pid.</param>
    /// <param name="channel">Socket to the supervisor; hung up when that is gone.</param>
    /// <param name="signals">In force since before the program began, which may be signalled, with this process, as soon as it says a
    /// word.</param>
    /// <returns>Its exit status; 128 and the signal's number if one ended it.</returns>
    public static int Run(int program, int channel, SignalRelay signals)
    {
        signals.RelayTo(program);
        new Thread(() => EndWithSupervisor(channel)) { IsBackground = true, Name = "supervisor watch" }.Start();
        int status = 0;
        while (WaitFor(program, &status, 0) < 0 && Marshal.GetLastPInvokeError() == Interrupted)
        {
        }

        // The program may have ended because the supervisor did: what it started has to end, too, before this process does.
        lock (Ending)
        {
            if (IsHungUp(channel, 0))
            {
                Descendants.End();
            }
        }

        int signal = status & SignalMask;
        return signal != 0 ? SignalExit + signal : (status >> StatusShift) & StatusMask;
    }

    private static void EndWithSupervisor(int channel)
    {
        _ = IsHungUp(channel, -1);
        lock (Ending)
        {
            Descendants.End();
            Environment.Exit(SignalExit);
        }
    }

    private static bool IsHungUp(int channel, int timeoutMilliseconds)
    {
        var wait = new PollFd { Fd = channel };
        int ready;
        while ((ready = Poll(&wait, 1, timeoutMilliseconds)) < 0)
        {
        }

        return ready > 0;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFd
    {
        public int Fd;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollFd* fds, nuint count, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitFor(int pid, int* status, int options);
}
