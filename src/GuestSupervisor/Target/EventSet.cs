using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>
/// fds that are waited for, each with what to do when something happens: an epoll set, itself an fd that can be waited for.
/// <para>For one thread: callbacks run in <see cref="Dispatch"/>, and nowhere else.</para>
/// </summary>
internal sealed unsafe partial class EventSet : IDisposable
{
    /// <summary>EPOLLIN.</summary>
    public const uint Readable = 1;

    /// <summary>EPOLLERR, which is always waited for: of a pipe's write end that nobody reads any more.</summary>
    public const uint Broken = 0;

    private const int CloseOnExec = 0x80000;
    private const int MostAtOnce = 64;
    private readonly Dictionary<ulong, (SafeFileHandle File, Action Ready)> _entries = [];
    private ulong _lastKey;

    public EventSet()
    {
        int fd = Create(CloseOnExec);
        Handle = fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw new Win32Exception();
    }

    /// <summary>Readable while something has happened.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Waits for events of a file from now on.</summary>
    /// <returns>A key for <see cref="Remove"/>.</returns>
    public ulong Add(SafeFileHandle file, uint events, Action ready)
    {
        ulong key = ++_lastKey;
        var registration = new HostEpoll.Event { Events = events, Data = key };
        if (HostEpoll.Control(Handle, HostEpoll.Add, file, &registration) != 0)
        {
            throw new Win32Exception();
        }

        _entries.Add(key, (file, ready));
        return key;
    }

    /// <summary>Ends it; the file stays open.</summary>
    public void Remove(ulong key)
    {
        if (_entries.Remove(key, out (SafeFileHandle File, Action Ready) entry))
        {
            HostEpoll.Event none = default;
            _ = HostEpoll.Control(Handle, HostEpoll.Delete, entry.File, &none);
        }
    }

    /// <summary>Runs the callbacks of what has happened; does not wait.</summary>
    public void Dispatch()
    {
        HostEpoll.Event* events = stackalloc HostEpoll.Event[MostAtOnce];
        int count = Wait(Handle, events, MostAtOnce, 0);
        for (int i = 0; i < count; i++)
        {
            // A callback before this one may have removed it.
            if (_entries.TryGetValue(events[i].Data, out (SafeFileHandle File, Action Ready) entry))
            {
                entry.Ready();
            }
        }
    }

    public void Dispose() => Handle.Dispose();

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int Wait(SafeFileHandle set, HostEpoll.Event* events, int most, int timeoutMilliseconds);
}
