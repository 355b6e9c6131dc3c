using System.Buffers.Binary;
using System.Net.Sockets;
using CocoGuest.Linux;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Clients.Sdk;

/// <summary>The server side of the fd broker's protocol, one connection, driven by a test.</summary>
internal sealed class FakeBroker : IDisposable
{
    public const uint Magic = 0x31424743;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("coco-test-");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private Socket? _peer;

    public FakeBroker()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen();
    }

    public string Path => System.IO.Path.Combine(_directory.FullName, "broker.sock");

    public async Task<byte[]> ReceiveRequestAsync()
    {
        _peer ??= await _listener.AcceptAsync();
        byte[] request = new byte[32];
        await using var stream = new NetworkStream(_peer, ownsSocket: false);
        await stream.ReadExactlyAsync(request);
        return request;
    }

    public static byte[] Frame(uint kind, ulong backingId, ReadOnlySpan<byte> token, int errno = 0, uint flags = 0, ulong size = 0)
    {
        byte[] frame = new byte[48];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(4), kind);
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(8), errno);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(12), flags);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(16), backingId);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(24), size);
        token.CopyTo(frame.AsSpan(32));
        return frame;
    }

    public void Send(ReadOnlySpan<byte> bytes) => _peer!.Send(bytes);

    /// <summary>Sends bytes with fds attached to the first of them.</summary>
    public unsafe void Send(ReadOnlySpan<byte> bytes, params SafeFileHandle[] fds)
    {
        int size = sizeof(CmsgHdr) + (sizeof(int) * fds.Length);
        byte* control = stackalloc byte[size + sizeof(int)];
        *(CmsgHdr*)control = new CmsgHdr { Len = (nuint)size, Level = Libc.SolSocket, Type = Libc.ScmRights };
        for (int i = 0; i < fds.Length; i++)
            ((int*)(control + sizeof(CmsgHdr)))[i] = (int)fds[i].DangerousGetHandle();
        fixed (byte* data = bytes)
        {
            var vector = new IoVec { Base = data, Len = (nuint)bytes.Length };
            var message = new MsgHdr { Iov = &vector, Iovlen = 1, Control = control, Controllen = (nuint)((size + 7) & ~7) };
            // SAFETY: message, vector, control and the pinned bytes live until the call returns.
            Assert.Equal(bytes.Length, Libc.Sendmsg(_peer!.SafeHandle, &message, Libc.MsgNosignal));
        }
    }

    public void HangUp() => _peer!.Dispose();

    public void Dispose()
    {
        _peer?.Dispose();
        _listener.Dispose();
        _directory.Delete(recursive: true);
    }
}
