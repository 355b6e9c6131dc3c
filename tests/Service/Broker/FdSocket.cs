using System.Net.Sockets;
using CocoGuest.Linux.Sockets;
using CocoGuest.Tests.Service.Hosting;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Service.Broker;

/// <summary>A Unix socket of a test: it blocks, and takes at most one fd with each frame.</summary>
internal sealed class FdSocket : IDisposable
{
    private const int ConnectionReset = 104;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public FdSocket(string path)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        _socket.ReceiveTimeout = (int)ServerTest.Patience.TotalMilliseconds;
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
        int count = ScmRights.Receive(_socket.SafeHandle, target, wait: true, out SafeFileHandle? passed, out bool cut);
        if (count == -ConnectionReset)
        {
            // It hung up with bytes of ours unread.
            return 0;
        }

        Assert.True(count >= 0, $"recvmsg: errno {-count}");
        Assert.False(cut);
        if (passed is not null)
        {
            Assert.Null(fd);
            fd = passed;
        }

        return count;
    }
}
