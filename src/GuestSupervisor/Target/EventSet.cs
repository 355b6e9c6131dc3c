using System.ComponentModel;
using CocoGuest.Linux;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>
/// fds that are waited for, each with what to do when something happens: an epoll set, itself an fd that can be waited for.
/// <para>For one thread: callbacks run in <see cref="Dispatch"/>, and nowhere else.</para>
/// </summary>
internal sealed unsafe class EventSet : IDisposable
{
    /// <summary>EPOLLIN.</summary>
    public const uint Readable = 1;

    /// <summary>EPOLLERR, which is always waited for: of a pipe's write end that nobody reads any more.</summary>
    public const uint Broken = 0;

    private const int MostAtOnce = 64;
    private readonly Dictionary<ulong, (SafeFileHandle File, Action Ready)> _entries = [];
    private ulong _lastKey;

    public EventSet()
    {
        int fd = Libc.EpollCreate1(Libc.EpollCloexec);
        Handle = fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw new Win32Exception();
    }

    /// <summary>Readable while something has happened.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Waits for events of a file from now on.</summary>
    /// <returns>A key for <see cref="Remove"/>.</returns>
    public ulong Add(SafeFileHandle file, uint events, Action ready)
    {
        ulong key = ++_lastKey;
        var registration = new EpollEvent { Events = events, Data = key };
        if (Libc.EpollCtl(Handle, Libc.EpollCtlAdd, file, &registration) != 0)
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
            EpollEvent none = default;
            _ = Libc.EpollCtl(Handle, Libc.EpollCtlDel, entry.File, &none);
        }
    }

    /// <summary>Runs the callbacks of what has happened; does not wait.</summary>
    public void Dispatch()
    {
        EpollEvent* events = stackalloc EpollEvent[MostAtOnce];
        int count = Libc.EpollWait(Handle, events, MostAtOnce, 0);
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
}
