using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace CocoGuest.Tests.Service.Probing;

/// <summary>HTTP/2 by hand over a Unix socket, for what no client of .NET sends: any authority, a call that breaks off anywhere.</summary>
internal sealed class RawHttp2 : IDisposable
{
    private const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 8, InitialWindow = 4;
    private const int DefaultWindow = 65535;
    private const byte EndStream = 1, EndHeaders = 4, Ack = 1;
    private const int FrameHeader = 9;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <summary>A connection.</summary>
    /// <param name="path">The server's socket.</param>
    /// <param name="unread">The client lets the server send as much as HTTP/2 can say, whether it reads or not.</param>
    public RawHttp2(string path, bool unread = false)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        _socket.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        Send(Settings, 0, 0, unread ? [0, InitialWindow, .. Big(int.MaxValue)] : []);
        if (unread)
        {
            Send(WindowUpdate, 0, 0, Big(int.MaxValue - DefaultWindow));
        }
    }

    /// <summary>Comes back when the server has hung up; what came before is thrown away.</summary>
    public void ReadToEnd()
    {
        byte[] rest = new byte[1 << 16];
        try
        {
            while (_socket.Receive(rest) > 0)
            {
            }
        }
        catch (SocketException)
        {
            // Reset: the end as well.
        }
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

    /// <summary>Begins a call, or says that the server has hung up.</summary>
    public bool TryBegin(int stream, string method) => Tries(() => Begin(stream, method, "x"));

    /// <summary>Gives a call up, or says that the server has hung up.</summary>
    public bool TryCancel(int stream) => Tries(() => Cancel(stream));

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

    private static bool Tries(Action act)
    {
        try
        {
            act();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static byte[] Big(int value)
    {
        byte[] bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

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
