using System.ComponentModel;
using CocoGuest.Linux;
using CocoGuest.Linux.Files;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>
/// Tells when the last reference to an open file description of a memfd is gone: fds of all processes, mappings, messages in flight. The
/// host's kernel counts them; inotify reports the end.
/// </summary>
internal sealed unsafe class CloseWatch : IDisposable
{
    private const uint ClosedEvents = Libc.InCloseWrite | Libc.InCloseNowrite;
    private const int HeaderBytes = 16;
    private const int BufferBytes = 4096;

    public CloseWatch()
    {
        int fd = Libc.InotifyInit1(Libc.InCloexec | Libc.InNonblock);
        Handle = fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw new Win32Exception();
    }

    /// <summary>Readable when something was closed.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Watches the file; each later close of one of its descriptions is reported with the number returned.</summary>
    public int Add(SafeFileHandle file)
    {
        using var borrowed = new BorrowedFd(file);
        int watch = Libc.InotifyAddWatch(Handle, HostFile.PathOf(borrowed.Number), ClosedEvents);
        return watch >= 0 ? watch : throw new Win32Exception();
    }

    /// <summary>Ends a watch.</summary>
    public void Remove(int watch) => _ = Libc.InotifyRmWatch(Handle, watch);

    /// <summary>What was closed since the last call, one number a description.</summary>
    public List<int> Take()
    {
        var closed = new List<int>();
        byte* buffer = stackalloc byte[BufferBytes];
        nint length;
        while ((length = Libc.Read(Handle, buffer, BufferBytes)) > 0)
        {
            for (nint at = 0; at < length;)
            {
                var header = new ReadOnlySpan<uint>(buffer + at, HeaderBytes / sizeof(uint));
                if ((header[1] & ClosedEvents) != 0)
                {
                    closed.Add((int)header[0]);
                }

                at += HeaderBytes + (nint)header[3];
            }
        }

        return closed;
    }

    public void Dispose() => Handle.Dispose();
}
