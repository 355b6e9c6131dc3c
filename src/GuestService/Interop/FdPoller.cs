using System.Runtime.InteropServices;
using CocoGuest.Linux.Events;
using CocoGuest.Service.Logging;

namespace CocoGuest.Service.Interop;

/// <summary>
/// Waits for readiness of file descriptors that .NET has no wait for: a pidfd (its process ended) and a socket that is full.
/// </summary>
/// <remarks>
/// <para>One thread sits in <c>poll</c>; an eventfd wakes it when the set changes. It starts with the first watch, so a server without
/// peers has none. A watch fires once, on the thread pool, and is gone then.</para>
/// <para>Invariant: an fd in the set stays open, because the watch holds a reference on its handle until it fired or was disposed and the
/// thread has let go of it. So a number that the kernel gives out again never meets an old watch.</para>
/// </remarks>
internal sealed class FdPoller : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<FdWatch> _watches = [];
    private readonly ILogger<FdPoller> _log;
    private SafeHandle? _wake;
    private Thread? _thread;
    private bool _stopping;

    /// <summary>A poller that has no thread yet.</summary>
    public FdPoller(ILogger<FdPoller> log) => _log = log;

    /// <summary>Calls back once when the fd becomes ready (or has an error or was hung up).</summary>
    /// <param name="handle">The fd. A reference is held while the watch lives.</param>
    /// <param name="events">What to wait for.</param>
    /// <param name="ready">Runs on the thread pool.</param>
    /// <returns>Dispose to stop waiting; the callback may still be running.</returns>
    public IDisposable Watch(SafeHandle handle, Readiness events, Action ready)
    {
        var watch = new FdWatch(this, handle, events, ready);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            if (_thread is null)
            {
                _wake = EventFd.Create();
                _thread = new Thread(Run) { IsBackground = true, Name = "fd poller" };
                _thread.Start();
            }

            _watches.Add(watch);
        }

        Wake();
        return watch;
    }

    /// <summary>Ends the thread; watches that did not fire never will.</summary>
    public void Dispose()
    {
        Thread? thread;
        lock (_lock)
        {
            _stopping = true;
            thread = _thread;
        }

        if (thread is null)
        {
            return;
        }

        Wake();
        thread.Join();
        _wake!.Dispose();
    }

    internal void Wake()
    {
        SafeHandle? wake = Volatile.Read(ref _wake);
        if (wake is { IsClosed: false })
        {
            EventFd.Signal(wake);
        }
    }

    private void Run()
    {
        var set = new List<FdWatch>();
        var fds = new PollFd[16];
        while (TakeSet(set))
        {
            if (fds.Length < set.Count + 1)
            {
                fds = new PollFd[(set.Count + 1) * 2];
            }

            fds[0] = new PollFd { Fd = (int)_wake!.DangerousGetHandle(), Events = Readiness.Readable };
            for (int i = 0; i < set.Count; i++)
            {
                fds[i + 1] = new PollFd { Fd = set[i].Fd, Events = set[i].Events };
            }

            int ready = HostPoll.Wait(fds.AsSpan(0, set.Count + 1), HostPoll.Infinite);
            if (ready > 0)
            {
                Dispatch(set, fds);
            }
            else if (!HostPoll.IsInterruption(ready))
            {
                ServiceLog.PollFailed(_log, -ready);
                return;
            }
        }
    }

    /// <summary>The live watches; those that fired or were disposed let go of their handle here, where no poll uses it.</summary>
    private bool TakeSet(List<FdWatch> set)
    {
        set.Clear();
        lock (_lock)
        {
            _watches.RemoveAll(static w => w.ReleaseIfDone());
            if (_stopping)
            {
                _watches.ForEach(static w => w.Dispose());
                _watches.RemoveAll(static w => w.ReleaseIfDone());
                return false;
            }

            set.AddRange(_watches);
            return true;
        }
    }

    private void Dispatch(List<FdWatch> set, PollFd[] fds)
    {
        if (fds[0].Revents != 0)
        {
            EventFd.Drain(_wake!);
        }

        for (int i = 0; i < set.Count; i++)
        {
            if (fds[i + 1].Revents != 0)
            {
                set[i].Fire();
            }
        }
    }
}
