using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace CocoGuest.Tests.Service.Probing;

/// <summary>HTTP/2 by hand over a Unix socket, for what no client of .NET sends: any authority, a call that breaks off anywhere.</summary>
internal sealed class RawHttp2 : IDisposable
{
    private const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7;
    private const byte EndStream = 1, EndHeaders = 4, Ack = 1;
    private const int FrameHeader = 9;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public RawHttp2(string path)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        _socket.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        Send(Settings, 0, 0, []);
    }

    /// <summary>Begins a call.</summary>
    public void Begin(int stream, string method, string? authority)
    {
        using var block = new MemoryStream();
        Add(block, ":method", "POST");
        Add(block, ":scheme", "http");
        Add(block, ":path", method);
        if (authority is not null)
        {
            Add(block, ":authority", authority);
        }

        Add(block, "content-type", "application/grpc");
        Add(block, "te", "trailers");
        Send(Headers, EndHeaders, stream, block.ToArray());
    }

    /// <summary>Sends bytes of the request.</summary>
    public void Write(int stream, bool end, params byte[] bytes) => Send(Data, end ? EndStream : (byte)0, stream, bytes);

    /// <summary>Gives the call up.</summary>
    public void Cancel(int stream) => Send(Reset, 0, stream, [0, 0, 0, 8]);

    /// <summary>Comes back when the server has read all that was sent before.</summary>
    public void WaitUntilRead()
    {
        Send(Ping, 0, 0, new byte[8]);
        while (Read() is not (Ping, Ack, _))
        {
        }
    }

    /// <summary>True for a call that was answered with a message; false for one that was refused or reset.</summary>
    public bool Succeeds(int stream)
    {
        bool message = false;
        while (true)
        {
            (byte type, byte flags, int of) = Read();
            message |= type == Data && of == stream;
            if (type == GoAway || (of == stream && (type == Reset || (flags & EndStream) != 0)))
            {
                return message && type == Headers;
            }
        }
    }

    public void Dispose() => _socket.Dispose();

    // A literal that no table remembers, without Huffman's code.
    private static void Add(MemoryStream block, string name, string value)
    {
        block.WriteByte(0);
        foreach (string text in new[] { name, value })
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            Assert.True(bytes.Length < 127);
            block.WriteByte((byte)bytes.Length);
            block.Write(bytes);
        }
    }

    private void Send(byte type, byte flags, int stream, byte[] body)
    {
        byte[] frame = new byte[FrameHeader + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, body.Length << 8 | type);
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        body.CopyTo(frame, FrameHeader);
        _socket.Send(frame);
    }

    private (byte Type, byte Flags, int Stream) Read()
    {
        byte[] header = Take(FrameHeader);
        _ = Take(BinaryPrimitives.ReadInt32BigEndian(header) >>> 8);
        return (header[3], header[4], BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)));
    }

    private byte[] Take(int length)
    {
        byte[] bytes = new byte[length];
        for (int got = 0; got < length;)
        {
            int more = _socket.Receive(bytes.AsSpan(got));
            Assert.True(more > 0, "The server hung up.");
            got += more;
        }

        return bytes;
    }
}
