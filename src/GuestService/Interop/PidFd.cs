using System.Net.Sockets;
using System.Runtime.InteropServices;
using CocoGuest.Service.Access;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Service.Interop;

/// <summary>A pidfd of the process at the other end of a Unix socket: readable when that process has ended.</summary>
internal static partial class PidFd
{
    private const int SolSocket = 1;
    private const int SoPeerPidFd = 77;

    /// <summary>
    /// The peer's pidfd, or null where there is none (other pid namespace, old kernel, process gone already: the stream's end tells then).
    /// </summary>
    public static SafeFileHandle? OfPeer(Socket socket, PeerCredentials peer)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        try
        {
            // Linux 6.5 and later: taken at connect time, so the pid cannot have been given to somebody else since.
            int length = socket.GetRawSocketOption(SolSocket, SoPeerPidFd, value);
            int fd = length == sizeof(int) ? MemoryMarshal.Read<int>(value) : -1;
            return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : null;
        }
        catch (SocketException)
        {
            int fd = peer.Pid > 0 ? Open(peer.Pid, 0) : -1;
            return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : null;
        }
        catch (ObjectDisposedException)
        {
            // The connection broke while the call was on its way.
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "pidfd_open", SetLastError = true)]
    private static partial int Open(int pid, uint flags);
}
