using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using CocoGuest.Machine;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Service.Broker;

/// <summary>A client of the fd broker written from docs/protocol.md alone: it blocks, and knows nothing of the server's code.</summary>
internal sealed unsafe partial class BrokerClient : IDisposable
{
    private const uint Magic = 0x31424743;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public BrokerClient(string path)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        _socket.ReceiveTimeout = 30_000;
    }

    public static byte[] Request(string token, uint magic = Magic, uint operation = 1, ulong tail = 0)
    {
        byte[] request = new byte[32];
        BinaryPrimitives.WriteUInt32LittleEndian(request, magic);
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(4), operation);
        Convert.FromHexString(token).CopyTo(request, 8);
        BinaryPrimitives.WriteUInt64LittleEndian(request.AsSpan(24), tail);
        return request;
    }

    public ReceivedFrame Redeem(string token)
    {
        Send(Request(token));
        return Receive() ?? throw new InvalidOperationException("The broker hung up.");
    }

    public void Send(ReadOnlySpan<byte> bytes) => Assert.Equal(bytes.Length, _socket.Send(bytes));

    /// <summary>The next frame, or null when the broker has hung up.</summary>
    public ReceivedFrame? Receive()
    {
        byte[] frame = new byte[48];
        int filled = 0;
        SafeFileHandle? fd = null;
        while (filled < frame.Length)
        {
            int count = ReceiveSome(frame.AsSpan(filled), ref fd);
            if (count == 0)
            {
                Assert.Equal(0, filled);
                return null;
            }

            filled += count;
        }

        Assert.Equal(Magic, BinaryPrimitives.ReadUInt32LittleEndian(frame));
        return new ReceivedFrame(
            BinaryPrimitives.ReadUInt32LittleEndian(frame.AsSpan(4)),
            (Errno)BinaryPrimitives.ReadUInt32LittleEndian(frame.AsSpan(8)),
            BinaryPrimitives.ReadUInt32LittleEndian(frame.AsSpan(12)),
            BinaryPrimitives.ReadUInt64LittleEndian(frame.AsSpan(16)),
            BinaryPrimitives.ReadUInt64LittleEndian(frame.AsSpan(24)),
            Convert.ToHexStringLower(frame.AsSpan(32)),
            fd);
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
