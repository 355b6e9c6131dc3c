using System.ComponentModel;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Linux.Sockets;

/// <summary>socketpair(2) of Unix sockets, close-on-exec.</summary>
internal static unsafe class SocketPair
{
    /// <summary>Makes one.</summary>
    /// <param name="type">SOCK_STREAM or another, and SOCK_NONBLOCK.</param>
    /// <exception cref="Win32Exception">The host has no fds left.</exception>
    public static (SafeFileHandle First, SafeFileHandle Second) Create(int type)
    {
        int* ends = stackalloc int[2];
        return Libc.Socketpair(Libc.AfUnix, type | Libc.SockCloexec, 0, ends) == 0
            ? (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true))
            : throw new Win32Exception();
    }
}
