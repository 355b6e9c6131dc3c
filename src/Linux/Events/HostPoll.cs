using System.Runtime.InteropServices;

namespace CocoGuest.Linux.Events;

/// <summary>poll(2) of the host. Whoever calls keeps the fds open meanwhile.</summary>
public static unsafe class HostPoll
{
    /// <summary>Waits for ever.</summary>
    public const int Infinite = -1;

    /// <summary>Waits until one of the fds is ready, or the time is over.</summary>
    /// <param name="fds">What to wait for; tells afterwards what is ready.</param>
    /// <param name="timeoutMilliseconds">0 does not wait; <see cref="Infinite"/>.</param>
    /// <returns>How many are ready, or the negative errno; a signal's EINTR among them.</returns>
    public static int Wait(Span<PollFd> fds, int timeoutMilliseconds)
    {
        fixed (PollFd* first = fds)
        {
            int ready = Libc.Poll(first, (nuint)fds.Length, timeoutMilliseconds);
            return ready >= 0 ? ready : -Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>Waits for one fd, whatever signals come.</summary>
    /// <returns>False: the time is over.</returns>
    public static bool WaitFor(int fd, Readiness events, int timeoutMilliseconds)
    {
        var wait = new PollFd { Fd = fd, Events = events };
        int ready;
        while ((ready = Wait(new Span<PollFd>(ref wait), timeoutMilliseconds)) < 0)
        {
        }

        return ready > 0;
    }

    /// <summary>True if an errno of <see cref="Wait"/> says that a signal came.</summary>
    public static bool IsInterruption(int result) => result == -Libc.Eintr;
}
