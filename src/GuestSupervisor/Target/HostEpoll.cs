using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>epoll of the host, whosever set it is.</summary>
internal static unsafe partial class HostEpoll
{
    /// <summary>EPOLL_CTL_ADD.</summary>
    public const int Add = 1;

    /// <summary>EPOLL_CTL_DEL.</summary>
    public const int Delete = 2;

    /// <summary>epoll_ctl: 0, or −1 with the errno.</summary>
    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int Control(SafeFileHandle set, int operation, SafeFileHandle file, Event* registration);

    /// <summary>struct epoll_event.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    public struct Event
    {
        /// <summary>EPOLLIN and its kin.</summary>
        public uint Events;

        /// <summary>The word of whoever registered it.</summary>
        public ulong Data;
    }
}
