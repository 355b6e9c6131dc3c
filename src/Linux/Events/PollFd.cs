using System.Runtime.InteropServices;

namespace CocoGuest.Linux.Events;

/// <summary>struct pollfd: an fd that is waited for.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PollFd
{
    /// <summary>The fd's number; negative: poll passes over it.</summary>
    public int Fd { get; set; }

    /// <summary>What is waited for.</summary>
    public Readiness Events { get; set; }

    /// <summary>What the fd is ready for: filled by poll.</summary>
    public Readiness Revents { get; set; }
}
