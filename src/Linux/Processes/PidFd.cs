using System.Net.Sockets;
using System.Runtime.InteropServices;
using CocoGuest.Linux.Events;
using CocoGuest.Linux.Files;
using CocoGuest.Linux.Memory;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Linux.Processes;

/// <summary>A pidfd: an fd that stands for a process, readable when that has ended. Its number cannot become another process's.</summary>
public static class PidFd
{
    /// <summary>The pidfd of a process. Null: it is gone already, or in another pid namespace.</summary>
    public static SafeFileHandle? Open(int pid) => Handle(Libc.PidfdOpen(pid, 0));

    /// <summary>The pidfd of the process at the other end of a Unix socket.</summary>
    /// <param name="socket">Connected.</param>
    /// <param name="pid">The peer's pid, for kernels that know no better; 0: not known.</param>
    /// <returns>
    /// Null where there is none (other pid namespace, old kernel, process gone already, no fd to spare: the stream's end tells then).
    /// </returns>
    public static SafeFileHandle? OfPeer(Socket socket, int pid)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        try
        {
            // Linux 6.5 and later: taken at connect time, so the pid cannot have been given to somebody else since.
            int length = socket.GetRawSocketOption(Libc.SolSocket, Libc.SoPeerpidfd, value);
            return length == sizeof(int) ? NotTheRuntimes(Handle(MemoryMarshal.Read<int>(value))) : null;
        }
        catch (SocketException)
        {
            return pid > 0 ? NotTheRuntimes(Open(pid)) : null;
        }
        catch (ObjectDisposedException)
        {
            // The connection broke while the call was on its way.
            return null;
        }
    }

    /// <summary>A duplicate of a process's fd; null: not open, or the process is gone.</summary>
    public static SafeFileHandle? TakeFd(SafeFileHandle process, int number)
    {
        using var pid = new BorrowedFd(process);
        return Handle(Libc.PidfdGetfd(pid.Number, number, 0));
    }

    /// <summary>Sends a signal to a process; one that has ended is none.</summary>
    public static void Signal(SafeFileHandle process, int signal)
    {
        using var pid = new BorrowedFd(process);
        _ = Libc.PidfdSendSignal(pid.Number, signal, 0, 0);
    }

    /// <summary>Waits until a process has ended.</summary>
    public static void WaitForEnd(SafeFileHandle process)
    {
        using var pid = new BorrowedFd(process);
        _ = HostPoll.WaitFor(pid.Number, Readiness.Readable, HostPoll.Infinite);
    }

    private static SafeFileHandle? NotTheRuntimes(SafeFileHandle? handle)
    {
        if (handle is null || !FdReserve.IsRuntimes(handle))
        {
            return handle;
        }

        handle.Dispose();
        return null;
    }

    private static SafeFileHandle? Handle(int fd) => fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : null;
}
