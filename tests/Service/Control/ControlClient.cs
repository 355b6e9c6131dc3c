using System.Buffers.Binary;
using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Tests.Service.Broker;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Service.Control;

/// <summary>
/// A client of the control protocol written from docs/protocol.md alone: it blocks, and knows nothing of the server's code.
/// </summary>
internal sealed class ControlClient(string path) : IDisposable
{
    public const ushort Hello = 1;
    public const ushort OpenProcess = 2;
    public const ushort ListHeaps = 3;
    public const ushort Allocate = 4;
    public const ushort Mmap = 5;
    public const ushort Munmap = 6;
    public const ushort Load = 7;
    public const ushort Store = 8;
    public const ushort Sync = 9;
    public const ushort SetName = 10;
    public const ushort Stat = 11;
    public const ushort Export = 12;
    public const ushort Import = 13;
    public const ushort Release = 14;
    public const ushort RegisterDevice = 15;
    public const ushort UnregisterDevice = 16;
    public const ushort Attach = 17;
    public const ushort Detach = 18;
    public const ushort Map = 19;
    public const ushort Unmap = 20;
    public const ushort DmaRead = 21;
    public const ushort DmaWrite = 22;

    private const uint Magic = 0x31434743;
    private readonly FdSocket _socket = new(path);
    private ulong _lastId = 1000;

    /// <summary>Revocations that came while an answer was waited for.</summary>
    public List<ulong> Revoked { get; } = [];

    /// <summary>A connection with a process of the default guest.</summary>
    public static ControlClient Open(string path)
    {
        var client = new ControlClient(path);
        client.Call(OpenProcess, "", "test");
        return client;
    }

    /// <summary>A whole request; a text takes 64 bytes, a byte[] as many as it has.</summary>
    public static byte[] Request(ushort operation, ulong id, params object[] fields)
    {
        byte[] body = Body(fields);
        byte[] request = new byte[24 + body.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(request, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(6), operation);
        BinaryPrimitives.WriteInt32LittleEndian(request.AsSpan(8), body.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(request.AsSpan(16), id);
        body.CopyTo(request, 24);
        return request;
    }

    /// <summary>A request that succeeds, and its answer.</summary>
    public ControlAnswer Call(ushort operation, params object[] fields)
    {
        ControlAnswer answer = Try(operation, fields);
        Assert.True(answer.Errno == Errno.None, $"operation {operation}: {answer.Errno}");
        return answer;
    }

    /// <summary>A request and its answer, whatever it says.</summary>
    public ControlAnswer Try(ushort operation, params object[] fields)
    {
        Send(Request(operation, ++_lastId, fields));
        ControlAnswer answer = Receive() ?? throw new InvalidOperationException("The server hung up.");
        Assert.Equal((operation, _lastId), (answer.Operation, answer.Id));
        return answer;
    }

    public void Send(ReadOnlySpan<byte> bytes) => _socket.Send(bytes);

    /// <summary>Sends what the server takes; it may hang up meanwhile.</summary>
    public void TrySend(ReadOnlySpan<byte> bytes) => _socket.TrySend(bytes);

    /// <summary>The next answer, or null when the server has hung up.</summary>
    public ControlAnswer? Receive()
    {
        byte[] header = new byte[24];
        SafeFileHandle? fd = null;
        while (_socket.Receive(header, ref fd))
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic)
            {
                ReadEvent(header);
                continue;
            }

            Assert.Equal(1, BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(4)));
            byte[] body = new byte[BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(8))];
            Assert.True(_socket.Receive(body, ref fd));
            return new ControlAnswer(
                BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(6)),
                (Errno)BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(12)),
                BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(16)), body, fd);
        }

        return null;
    }

    /// <summary>Reads a frame of the broker, which has to be a revocation.</summary>
    public void ReceiveRevocation()
    {
        byte[] header = new byte[24];
        SafeFileHandle? fd = null;
        Assert.True(_socket.Receive(header, ref fd));
        ReadEvent(header);
    }

    public void Dispose() => _socket.Dispose();

    private void ReadEvent(byte[] start)
    {
        byte[] frame = new byte[48];
        start.CopyTo(frame, 0);
        SafeFileHandle? fd = null;
        Assert.True(_socket.Receive(frame.AsSpan(24), ref fd));
        var received = ReceivedFrame.Read(frame, fd);
        Assert.Equal(3u, received.Kind);
        Revoked.Add(received.BackingId);
    }

    private static byte[] Body(object[] fields)
    {
        var body = new MemoryStream();
        foreach (object field in fields)
        {
            body.Write(field switch
            {
                int number => BitConverter.GetBytes(number),
                uint number => BitConverter.GetBytes(number),
                ulong number => BitConverter.GetBytes(number),
                byte[] bytes => bytes,
                string text => Padded(text),
                _ => throw new ArgumentException(field.GetType().Name),
            });
        }

        return body.ToArray();
    }

    private static byte[] Padded(string text)
    {
        byte[] bytes = new byte[64];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }
}
