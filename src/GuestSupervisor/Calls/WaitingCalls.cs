using System.Diagnostics;
using CocoGuest.Linux.Events;
using CocoGuest.Linux.Files;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// Looks after all calls of a run that wait in the supervisor: one thread, which is there only while some wait. None outlives its call.
/// </summary>
/// <remarks>
/// Nobody tells the supervisor that a signal came for a thread whose call was taken: it is seen by looking. A look costs as much as a few
/// system calls, so the more wait, the less often; at most one part in ten of a processor.
/// </remarks>
internal sealed class WaitingCalls : IDisposable
{
    private const int ShortestMilliseconds = 4;
    private const int RestPerLook = 9;
    private readonly Lock _lock = new();
    private readonly List<WaitingCall> _waits = [];
    private readonly SafeFileHandle _wake = EventFd.Create();
    private bool _runs;
    private bool _over;

    /// <summary>Looks after a call from now on, until it is over.</summary>
    public void Add(WaitingCall wait)
    {
        lock (_lock)
        {
            if (_over)
            {
                _ = wait.TryEnd();
                return;
            }

            _waits.Add(wait);
            if (!_runs)
            {
                _runs = true;
                new Thread(Run) { IsBackground = true, Name = "waiting calls" }.Start();
            }
        }

        Wake();
    }

    /// <summary>Something that a call waits for has come.</summary>
    public void Wake()
    {
        try
        {
            EventFd.Signal(_wake);
        }
        catch (ObjectDisposedException)
        {
            // The run is over.
        }
    }

    /// <summary>Nobody waits any more.</summary>
    public void Dispose()
    {
        WaitingCall[] left;
        lock (_lock)
        {
            _over = true;
            left = [.. _waits];
            _waits.Clear();
            if (!_runs)
            {
                _wake.Dispose();
                return;
            }
        }

        foreach (WaitingCall wait in left)
        {
            _ = wait.TryEnd();
        }

        Wake();
    }

    private void Run()
    {
        int rest = 0;
        while (Next() is { } waits)
        {
            Wait(waits, rest);
            long start = Stopwatch.GetTimestamp();
            foreach (WaitingCall wait in waits.Where(static w => !w.IsOver))
            {
                Look(wait);
            }

            int took = (int)Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            rest = Math.Max(ShortestMilliseconds, took * RestPerLook);
        }
    }

    private static void Look(WaitingCall wait)
    {
        try
        {
            wait.Look();
        }
        catch (ObjectDisposedException)
        {
            _ = wait.TryEnd(); // the run is over
        }
    }

    // Null: none is left, and this thread ends.
    private WaitingCall[]? Next()
    {
        lock (_lock)
        {
            _waits.RemoveAll(static w => w.IsOver);
            if (_waits.Count != 0 && !_over)
            {
                return [.. _waits];
            }

            _runs = false;
            if (_over)
            {
                _wake.Dispose();
            }

            return null;
        }
    }

    // Until something that a call waits for has come, or it is time for a look at the signals.
    private void Wait(WaitingCall[] waits, int rest)
    {
        PollingCall[] polls = [.. waits.OfType<PollingCall>()];
        using var wake = new BorrowedFd(_wake);
        PollFd[] fds =
        [
            new PollFd { Fd = wake.Number, Events = Readiness.Readable },
            .. polls.SelectMany(static p => p.Fds),
        ];
        int least = polls.Select(static p => p.MillisecondsLeft).DefaultIfEmpty(rest).Min();
        if (HostPoll.Wait(fds, Math.Min(rest, Math.Max(0, least))) > 0 && fds[0].Revents != 0)
        {
            EventFd.Drain(_wake);
        }
    }
}
