using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

/// <summary>struct epoll_event of x86-64, where it is packed.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct EpollEvent
{
    /// <summary>EPOLLIN and its kin.</summary>
    public uint Events;

    /// <summary>The word of whoever registered it.</summary>
    public ulong Data;
}
