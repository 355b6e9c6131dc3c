using System.ComponentModel;
using CocoGuest.Linux;
using CocoGuest.Linux.Files;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>
/// Tells when the last reference to an open file description of a memfd is gone: fds of all processes, mappings, messages in flight. The
/// host's kernel counts them; inotify reports the end.
/// </summary>
/// <remarks>
/// A queue of inotify has room for <see cref="MostInQueue"/> events (fs.inotify.max_queued_events) and drops what comes then. A description
/// ends once, so a queue with fewer watches than that can lose nothing; for more files there are more queues.
/// </remarks>
internal sealed unsafe class CloseWatch : IDisposable
{
    private const uint ClosedEvents = Libc.InCloseWrite | Libc.InCloseNowrite;
    private const int HeaderBytes = 16;
    private const int BufferBytes = 4096;
    private const int MostInQueue = 16_384;
    private const int MostWatches = MostInQueue / 4;
    private const int QueueShift = 32;
    private readonly EventSet _ready = new();
    private readonly List<(SafeFileHandle Queue, HashSet<int> Watches)> _queues = [];

    /// <summary>Readable when something was closed.</summary>
    public SafeFileHandle Handle => _ready.Handle;

    /// <summary>Watches the file; each later close of one of its descriptions is reported with the number returned.</summary>
    public long Add(SafeFileHandle file)
    {
        int at = _queues.FindIndex(static q => q.Watches.Count < MostWatches);
        if (at < 0)
        {
            at = _queues.Count;
            _queues.Add((NewQueue(), []));
        }

        using var borrowed = new BorrowedFd(file);
        int watch = Libc.InotifyAddWatch(_queues[at].Queue, HostFile.PathOf(borrowed.Number), ClosedEvents);
        _ = watch >= 0 ? _queues[at].Watches.Add(watch) : throw new Win32Exception();
        return ((long)at << QueueShift) | (uint)watch;
    }

    /// <summary>Ends a watch.</summary>
    public void Remove(long watch)
    {
        (SafeFileHandle queue, HashSet<int> watches) = _queues[(int)(watch >> QueueShift)];
        watches.Remove((int)watch);
        _ = Libc.InotifyRmWatch(queue, (int)watch);
    }

    /// <summary>What was closed since the last call, one number a description.</summary>
    public List<long> Take()
    {
        var closed = new List<long>();
        for (int i = 0; i < _queues.Count; i++)
        {
            Take(i, closed);
        }

        return closed;
    }

    public void Dispose()
    {
        _ready.Dispose();
        _queues.ForEach(static q => q.Queue.Dispose());
    }

    private SafeFileHandle NewQueue()
    {
        int fd = Libc.InotifyInit1(Libc.InCloexec | Libc.InNonblock);
        SafeFileHandle queue = fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw new Win32Exception();
        // Who waits for the set takes everything that is there.
        _ = _ready.Add(queue, EventSet.Readable, static () => { });
        return queue;
    }

    private void Take(int at, List<long> closed)
    {
        byte* buffer = stackalloc byte[BufferBytes];
        nint length;
        while ((length = Libc.Read(_queues[at].Queue, buffer, BufferBytes)) > 0)
        {
            for (nint here = 0; here < length;)
            {
                var header = new ReadOnlySpan<uint>(buffer + here, HeaderBytes / sizeof(uint));
                if ((header[1] & ClosedEvents) != 0)
                {
                    closed.Add(((long)at << QueueShift) | header[0]);
                }

                here += HeaderBytes + (nint)header[3];
            }
        }
    }
}
