using System.Net.Sockets;
using System.Runtime.InteropServices;
using CocoGuest.Linux.Processes;

namespace CocoGuest.Service.Access;

/// <summary>
/// The peer of a connection over the server's Unix socket: a connection feature that calls find again. TCP connections have none.
/// </summary>
internal sealed class UnixPeer
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;
    private const int UcredBytes = 12;

    private UnixPeer(Socket socket, PeerCredentials credentials)
    {
        Socket = socket;
        Credentials = credentials;
    }

    /// <summary>The connection's socket; it may be closed already.</summary>
    public Socket Socket { get; }

    /// <summary>Who connected.</summary>
    public PeerCredentials Credentials { get; }

    /// <summary>Only the server's own user and root come in: the file mode says the same, but can be undone by a careless chmod.</summary>
    public bool MayConnect => Credentials.UserId == UnixUser.EffectiveId || Credentials.UserId == 0;

    /// <summary>Reads the credentials of a connected Unix socket.</summary>
    /// <exception cref="SocketException">The socket is no Unix socket, or broken already.</exception>
    public static UnixPeer Of(Socket socket)
    {
        Span<byte> ucred = stackalloc byte[UcredBytes];
        socket.GetRawSocketOption(SolSocket, SoPeerCred, ucred);
        return new UnixPeer(socket, new PeerCredentials(MemoryMarshal.Read<int>(ucred), MemoryMarshal.Read<uint>(ucred[4..])));
    }
}
