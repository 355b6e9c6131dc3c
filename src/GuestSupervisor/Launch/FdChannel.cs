using CocoGuest.Linux;
using CocoGuest.Linux.Sockets;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// The pair of sockets between coco and the program's first process: one fd goes one way (<see cref="ScmRights"/>), one byte the other.
/// </summary>
internal static unsafe class FdChannel
{
    /// <summary>Our end, and the one for a child of fork.</summary>
    public static (SafeFileHandle Ours, SafeFileHandle Theirs) Create() => SocketPair.Create(Libc.SockSeqpacket);

    /// <summary>Waits for the fd. Null: the process ended without sending one.</summary>
    public static SafeFileHandle? Receive(SafeFileHandle socket)
    {
        byte mark = 0;
        return ScmRights.Receive(socket, new Span<byte>(ref mark), wait: true, out SafeFileHandle? passed, out _) == 1 ? passed : null;
    }

    /// <summary>The supervisor serves: the process may become the program.</summary>
    public static void Go(SafeFileHandle socket)
    {
        byte mark = 1;
        _ = Libc.Write(socket, &mark, 1);
    }
}
