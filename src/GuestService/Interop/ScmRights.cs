using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Service.Interop;

/// <summary>Sends and receives bytes, and at most one fd with them, over a connected Unix socket; .NET's sockets know no ancillary data.</summary>
internal static unsafe partial class ScmRights
{
    private const int SolSocket = 1;
    private const int ScmRightsType = 1;
    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;
    private const int CloseOnExec = 0x40000000;
    private const int InterruptedCall = 4;
    private const int WouldBlock = 11;

    /// <summary>Sends a frame without waiting. A short frame goes as a whole or not at all; of a long one perhaps only a part goes.</summary>
    /// <param name="socket">A connected Unix stream socket.</param>
    /// <param name="frame">The bytes; at least one.</param>
    /// <param name="passed">The fd that goes with the first byte, or null.</param>
    /// <param name="sent">How many bytes went.</param>
    /// <returns>Whether something went, whether the socket is full, or whether the peer is gone.</returns>
    public static SendOutcome TrySend(SafeSocketHandle socket, ReadOnlySpan<byte> frame, SafeFileHandle? passed, out int sent)
    {
        bool added = false;
        try
        {
            var rights = new FdMessage { Length = 16 + sizeof(int), Level = SolSocket, Type = ScmRightsType };
            if (passed is not null)
            {
                passed.DangerousAddRef(ref added);
                rights.Fd = (int)passed.DangerousGetHandle();
            }

            // SAFETY: all that the message header points to lives on this stack frame or is pinned until sendmsg has returned.
            fixed (byte* bytes = frame)
            {
                var vector = new IoVector { Base = bytes, Length = (nuint)frame.Length };
                var message = new MessageHeader { Vectors = &vector, VectorCount = 1 };
                if (passed is not null)
                {
                    message.Control = &rights;
                    message.ControlLength = (nuint)sizeof(FdMessage);
                }

                return Send(socket, &message, out sent);
            }
        }
        finally
        {
            if (added)
            {
                passed!.DangerousRelease();
            }
        }
    }

    /// <summary>Receives what is there without waiting. Of several fds that came the kernel keeps one; the others it closes.</summary>
    /// <param name="socket">A connected Unix stream socket.</param>
    /// <param name="target">Where the bytes go; at least one.</param>
    /// <param name="count">How many came.</param>
    /// <param name="passed">The fd that came with them, close-on-exec; null: none.</param>
    public static ReceiveOutcome TryReceive(SafeSocketHandle socket, Span<byte> target, out int count, out SafeFileHandle? passed)
    {
        // SAFETY: all that the message header points to lives on this stack frame or is pinned until recvmsg has returned.
        fixed (byte* bytes = target)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)target.Length };
            while (true)
            {
                var rights = new FdMessage { Fd = -1 };
                var message = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = &rights, ControlLength = (nuint)(16 + sizeof(int)) };
                count = (int)ReceiveMessage(socket, &message, DontWait | CloseOnExec);
                int error = count < 0 ? Marshal.GetLastPInvokeError() : 0;
                passed = count >= 0 && message.ControlLength != 0 && rights is { Type: ScmRightsType, Fd: >= 0 }
                    ? new SafeFileHandle(rights.Fd, ownsHandle: true) : null;
                if (error != InterruptedCall)
                {
                    return count > 0 ? ReceiveOutcome.Received : error == WouldBlock ? ReceiveOutcome.Empty : ReceiveOutcome.Gone;
                }
            }
        }
    }

    private static SendOutcome Send(SafeSocketHandle socket, MessageHeader* message, out int sent)
    {
        while (true)
        {
            nint count = SendMessage(socket, message, NoSignal | DontWait);
            sent = (int)Math.Max(count, 0);
            if (count > 0)
            {
                return SendOutcome.Sent;
            }

            int error = Marshal.GetLastPInvokeError();
            if (error != InterruptedCall)
            {
                return error == WouldBlock ? SendOutcome.Full : SendOutcome.Gone;
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct FdMessage
    {
        public nuint Length;
        public int Level;
        public int Type;
        public int Fd;
        public int Padding;
    }

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(SafeSocketHandle socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeSocketHandle socket, MessageHeader* message, int flags);
}
