using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CocoGuest.Linux.Files;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Linux.Sockets;

/// <summary>
/// Sends and receives bytes, and at most one fd with them, over a connected Unix socket; .NET's sockets know no ancillary data. An fd that
/// comes is close-on-exec, and a safe handle before anybody else sees its number.
/// </summary>
public static unsafe class ScmRights
{
    // CMSG_LEN of one fd. The kernel puts no second one into such room.
    private const int OneFd = 16 + sizeof(int);

    /// <summary>
    /// Sends a frame without waiting. A short frame goes as a whole or not at all; of a long one perhaps only a part goes.
    /// </summary>
    /// <param name="socket">A connected Unix stream socket.</param>
    /// <param name="frame">The bytes; at least one.</param>
    /// <param name="passed">The fd that goes with the first byte, or null.</param>
    /// <param name="sent">How many bytes went.</param>
    /// <returns>Whether something went, whether the socket is full, or whether the peer is gone.</returns>
    public static SendOutcome TrySend(SafeHandle socket, ReadOnlySpan<byte> frame, SafeFileHandle? passed, out int sent)
    {
        // SAFETY: all that the message header points to lives on this stack frame or is pinned until sendmsg has returned.
        fixed (byte* bytes = frame)
        {
            var vector = new IoVec { Base = bytes, Len = (nuint)frame.Length };
            var message = new MsgHdr { Iov = &vector, Iovlen = 1 };
            if (passed is null)
            {
                return Send(socket, &message, out sent);
            }

            using var fd = new BorrowedFd(passed);
            var rights = FdMessage.Of(fd.Number);
            message.Control = &rights;
            message.Controllen = (nuint)sizeof(FdMessage);
            return Send(socket, &message, out sent);
        }
    }

    /// <summary>Receives what is there without waiting. Of several fds that came the first is kept.</summary>
    /// <param name="socket">A connected Unix stream socket.</param>
    /// <param name="target">Where the bytes go; at least one.</param>
    /// <param name="count">How many came.</param>
    /// <param name="passed">The fd that came with them; null: none.</param>
    public static ReceiveOutcome TryReceive(SafeHandle socket, Span<byte> target, out int count, out SafeFileHandle? passed)
    {
        count = Receive(socket, target, wait: false, out passed, out _);
        return count > 0 ? ReceiveOutcome.Received : count == -Libc.Eagain ? ReceiveOutcome.Empty : ReceiveOutcome.Gone;
    }

    /// <summary>Receives bytes and an fd.</summary>
    /// <param name="socket">A connected Unix socket.</param>
    /// <param name="target">Where the bytes go; at least one.</param>
    /// <param name="wait">Wait for the first byte, if the socket blocks.</param>
    /// <param name="passed">The first fd that came with them, which is the caller's; null: none.</param>
    /// <param name="cut">
    /// An fd is lost: more came than the one, or this process had no number left. The kernel drops it; nobody here has to close it, which
    /// may take for ever.
    /// </param>
    /// <returns>How many bytes came; 0: the peer hung up; or the negative errno.</returns>
    public static int Receive(SafeHandle socket, Span<byte> target, bool wait, out SafeFileHandle? passed, out bool cut)
    {
        int flags = Libc.MsgCmsgCloexec | (wait ? 0 : Libc.MsgDontwait);
        (passed, cut) = (null, false);
        // SAFETY: all that the message header points to lives on this stack frame or is pinned until recvmsg has returned.
        fixed (byte* bytes = target)
        {
            var vector = new IoVec { Base = bytes, Len = (nuint)target.Length };
            while (true)
            {
                FdMessage rights = default;
                var message = new MsgHdr { Iov = &vector, Iovlen = 1, Control = &rights, Controllen = OneFd };
                int count = (int)Libc.Recvmsg(socket, &message, flags);
                if (count >= 0)
                {
                    passed = message.Controllen != 0 && rights.IsFd ? new SafeFileHandle(rights.Fd, ownsHandle: true) : null;
                    cut = (message.Flags & Libc.MsgCtrunc) != 0;
                    return count;
                }

                int error = Marshal.GetLastPInvokeError();
                if (error != Libc.Eintr)
                {
                    return -error;
                }
            }
        }
    }

    /// <summary>Sends one byte with an fd. Makes nothing and calls nothing else: for a child of fork.</summary>
    /// <returns>0, or −1.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int SendBare(int socket, int fd)
    {
        byte mark = 1;
        var vector = new IoVec { Base = &mark, Len = 1 };
        FdMessage rights = default;
        rights.Header.Len = OneFd;
        rights.Header.Level = Libc.SolSocket;
        rights.Header.Type = Libc.ScmRights;
        rights.Fd = fd;
        var message = new MsgHdr { Iov = &vector, Iovlen = 1, Control = &rights, Controllen = (nuint)sizeof(FdMessage) };
        return BareLibc.Sendmsg(socket, &message, 0) == 1 ? 0 : -1;
    }

    private static SendOutcome Send(SafeHandle socket, MsgHdr* message, out int sent)
    {
        while (true)
        {
            nint count = Libc.Sendmsg(socket, message, Libc.MsgNosignal | Libc.MsgDontwait);
            sent = (int)Math.Max(count, 0);
            if (count > 0)
            {
                return SendOutcome.Sent;
            }

            int error = Marshal.GetLastPInvokeError();
            if (error != Libc.Eintr)
            {
                return error == Libc.Eagain ? SendOutcome.Full : SendOutcome.Gone;
            }
        }
    }

    // A control message of one fd, padded as CMSG_SPACE has it.
    [StructLayout(LayoutKind.Sequential)]
    private struct FdMessage
    {
        public CmsgHdr Header;
        public int Fd;
        public int Padding;

        public readonly bool IsFd => Header is { Len: OneFd, Level: Libc.SolSocket, Type: Libc.ScmRights };

        public static FdMessage Of(int fd) =>
            new() { Header = new CmsgHdr { Len = OneFd, Level = Libc.SolSocket, Type = Libc.ScmRights }, Fd = fd };
    }
}
