using System.Net.Sockets;
using System.Runtime.InteropServices;
using CocoGuest.Service.Interop;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Service.Broker;

/// <summary>A Unix socket of a test: it blocks, and takes at most one fd with each frame.</summary>
internal sealed unsafe partial class FdSocket : IDisposable
{
    private const int ConnectionReset = 104;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public FdSocket(string path)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        _socket.ReceiveTimeout = 30_000;
    }

    public void Send(ReadOnlySpan<byte> bytes) => Assert.Equal(bytes.Length, _socket.Send(bytes));

    /// <summary>Sends bytes, and an fd with the first of them.</summary>
    public void Send(ReadOnlySpan<byte> bytes, SafeFileHandle passed)
    {
        Assert.Equal(SendOutcome.Sent, ScmRights.TrySend(_socket.SafeHandle, bytes, passed, out int sent));
        Assert.Equal(bytes.Length, sent);
    }

    /// <summary>Sends what the other side takes; it may hang up meanwhile.</summary>
    public void TrySend(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _socket.Send(bytes);
        }
        catch (SocketException)
        {
            // The next read tells.
        }
    }

    /// <summary>Fills the target; false when the other side has hung up before its first byte.</summary>
    public bool Receive(Span<byte> target, ref SafeFileHandle? fd)
    {
        int filled = 0;
        while (filled < target.Length)
        {
            int count = ReceiveSome(target[filled..], ref fd);
            if (count == 0)
            {
                Assert.Equal(0, filled);
                return false;
            }

            filled += count;
        }

        return true;
    }

    public void Dispose() => _socket.Dispose();

    private int ReceiveSome(Span<byte> target, ref SafeFileHandle? fd)
    {
        FdMessage control = default;
        // SAFETY: everything that the header points to is pinned or on this frame while recvmsg runs.
        fixed (byte* bytes = target)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)target.Length };
            var message = new MessageHeader
            {
                Vectors = &vector,
                VectorCount = 1,
                Control = &control,
                ControlLength = (nuint)sizeof(FdMessage),
            };
            nint count = ReceiveMessage(_socket.SafeHandle, &message, CloseOnExec);
            if (count < 0 && Marshal.GetLastPInvokeError() == ConnectionReset)
            {
                // It hung up with bytes of ours unread.
                return 0;
            }

            Assert.True(count >= 0, $"recvmsg: errno {Marshal.GetLastPInvokeError()}");
            if (control.Length == 16 + sizeof(int))
            {
                Assert.Null(fd);
                fd = new SafeFileHandle(control.Fd, ownsHandle: true);
            }

            return (int)count;
        }
    }

    private const int CloseOnExec = 0x40000000;

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
}
