using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Linux.Events;

/// <summary>eventfd(2): wakes a thread that sits in poll.</summary>
public static unsafe class EventFd
{
    /// <summary>A new one, which is not readable.</summary>
    /// <exception cref="IOException">The host has no fd left.</exception>
    public static SafeFileHandle Create()
    {
        int fd = Libc.Eventfd(0, Libc.EfdCloexec | Libc.EfdNonblock);
        return fd >= 0
            ? new SafeFileHandle(fd, ownsHandle: true)
            : throw new IOException($"eventfd failed with errno {Marshal.GetLastPInvokeError()}.");
    }

    /// <summary>Makes it readable.</summary>
    public static void Signal(SafeHandle handle)
    {
        ulong one = 1;
        // A full counter means that a wake-up is pending, which is all that is wanted.
        _ = Libc.Write(handle, &one, sizeof(ulong));
    }

    /// <summary>Makes it not readable.</summary>
    public static void Drain(SafeHandle handle)
    {
        ulong count;
        _ = Libc.Read(handle, &count, sizeof(ulong));
    }
}
