using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Service.Broker;

/// <summary>A client of the fd broker written from docs/protocol.md alone: it blocks, and knows nothing of the server's code.</summary>
internal sealed class BrokerClient(string path) : IDisposable
{
    private const uint Magic = 0x31424743;
    private readonly FdSocket _socket = new(path);

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

    /// <summary>Asks for a share token; null: without an fd.</summary>
    public ReceivedFrame Share(SafeFileHandle? fd)
    {
        byte[] request = Request(new string('0', 32), operation: 2);
        if (fd is null)
        {
            Send(request);
        }
        else
        {
            _socket.Send(request, fd);
        }

        return Receive() ?? throw new InvalidOperationException("The broker hung up.");
    }

    /// <summary>Redeems with an fd that nobody asked for.</summary>
    public ReceivedFrame Redeem(string token, SafeFileHandle fd)
    {
        _socket.Send(Request(token), fd);
        return Receive() ?? throw new InvalidOperationException("The broker hung up.");
    }

    public void Send(ReadOnlySpan<byte> bytes) => _socket.Send(bytes);

    /// <summary>The next frame, or null when the broker has hung up.</summary>
    public ReceivedFrame? Receive()
    {
        byte[] frame = new byte[48];
        SafeFileHandle? fd = null;
        return _socket.Receive(frame, ref fd) ? ReceivedFrame.Read(frame, fd) : null;
    }

    public void Dispose() => _socket.Dispose();
}
