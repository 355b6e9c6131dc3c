using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>
/// Tells when the last reference to an open file description of a memfd is gone: fds of all processes, mappings, messages in flight. The
/// host's kernel counts them; inotify reports the end.
/// </summary>
internal sealed unsafe partial class CloseWatch : IDisposable
{
    private const int CloseOnExec = 0x80000;
    private const int NonBlock = 0x800;
    private const uint ClosedEvents = 0x8 | 0x10;
    private const int HeaderBytes = 16;
    private const int BufferBytes = 4096;

    public CloseWatch()
    {
        int fd = Create(CloseOnExec | NonBlock);
        Handle = fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw new Win32Exception();
    }

    /// <summary>Readable when something was closed.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Watches the file; each later close of one of its descriptions is reported with the number returned.</summary>
    public int Add(SafeFileHandle file)
    {
        using var borrowed = new BorrowedFd(file);
        int watch = AddWatch(Handle, HostFile.PathOf(borrowed.Number), ClosedEvents);
        return watch >= 0 ? watch : throw new Win32Exception();
    }

    /// <summary>Ends a watch.</summary>
    public void Remove(int watch) => _ = RemoveWatch(Handle, watch);

    /// <summary>What was closed since the last call, one number a description.</summary>
    public List<int> Take()
    {
        var closed = new List<int>();
        byte* buffer = stackalloc byte[BufferBytes];
        nint length;
        while ((length = Read(Handle, buffer, BufferBytes)) > 0)
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

    [LibraryImport("libc", EntryPoint = "inotify_init1", SetLastError = true)]
    private static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "inotify_add_watch", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddWatch(SafeFileHandle inotify, string path, uint mask);

    [LibraryImport("libc", EntryPoint = "inotify_rm_watch", SetLastError = true)]
    private static partial int RemoveWatch(SafeFileHandle inotify, int watch);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle file, byte* buffer, nuint length);
}
