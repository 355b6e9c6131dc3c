using CocoGuest.Linux;
using CocoGuest.Linux.Sockets;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// The pair of sockets between supervisor and launcher: one fd goes one way (<see cref="ScmRights"/>), one byte the other.
/// </summary>
internal static unsafe class FdChannel
{
    /// <summary>Our end, and the launcher's, which a child inherits.</summary>
    public static (SafeFileHandle Ours, SafeFileHandle Theirs) Create()
    {
        (SafeFileHandle ours, SafeFileHandle theirs) = SocketPair.Create(Libc.SockSeqpacket);
        _ = Libc.Fcntl(theirs, Libc.FSetfd, 0);
        return (ours, theirs);
    }

    /// <summary>Waits for the fd. Null: the launcher ended without sending one.</summary>
    public static SafeFileHandle? Receive(SafeFileHandle socket)
    {
        byte mark = 0;
        return ScmRights.Receive(socket, new Span<byte>(ref mark), wait: true, out SafeFileHandle? passed, out _) == 1 ? passed : null;
    }

    /// <summary>The supervisor serves: the launcher may become the program.</summary>
    public static void Go(SafeFileHandle socket)
    {
        byte mark = 1;
        _ = Libc.Write(socket, &mark, 1);
    }
}
