using System.Runtime.InteropServices;
using CocoGuest.Linux.Events;

namespace CocoGuest.Service.Interop;

/// <summary>One fd that <see cref="FdPoller"/> waits for; fires at most once.</summary>
internal sealed class FdWatch : IDisposable
{
    private readonly FdPoller _poller;
    private readonly SafeHandle _handle;
    private Action? _ready;

    public FdWatch(FdPoller poller, SafeHandle handle, Readiness events, Action ready)
    {
        bool added = false;
        handle.DangerousAddRef(ref added);
        _poller = poller;
        _handle = handle;
        _ready = ready;
        Events = events;
    }

    public int Fd => (int)_handle.DangerousGetHandle();

    public Readiness Events { get; }

    /// <summary>Runs the callback on the thread pool, unless the watch was disposed or fired before.</summary>
    public void Fire()
    {
        if (Interlocked.Exchange(ref _ready, null) is { } ready)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static r => r(), ready, preferLocal: false);
        }
    }

    /// <summary>Lets go of the handle when the watch is over. Called by the poll thread only, between two polls.</summary>
    public bool ReleaseIfDone()
    {
        if (Volatile.Read(ref _ready) is not null)
        {
            return false;
        }

        _handle.DangerousRelease();
        return true;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _ready, null) is not null)
        {
            _poller.Wake();
        }
    }
}
