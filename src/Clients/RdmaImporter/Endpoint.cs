using System.Net;
using System.Net.Sockets;
using CocoGuest.Client;
using CocoGuest.Importer;

namespace CocoGuest.RdmaImporter;

/// <summary>Where two importers meet: a Unix socket (<c>path</c>) or a TCP port (<c>port</c>, and <c>host</c> when connecting).</summary>
internal static class Endpoint
{
    /// <summary>Listens. A Unix socket gets mode 0600; a TCP port is on loopback only.</summary>
    public static Socket Listen(ControlRequest request)
    {
        Socket socket = NewSocket(request, out EndPoint? endPoint, listening: true);
        try
        {
            socket.Bind(endPoint);
            if (endPoint is UnixDomainSocketEndPoint && !OperatingSystem.IsWindows())
                File.SetUnixFileMode(request.Text("path"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            socket.Listen();
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new CocoException($"Listening failed: {e.Message}", e);
        }
    }

    /// <summary>Connects.</summary>
    public static async Task<Stream> ConnectAsync(ControlRequest request, CancellationToken cancel)
    {
        Socket socket = NewSocket(request, out EndPoint? endPoint, listening: false);
        try
        {
            await socket.ConnectAsync(endPoint, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new CocoException($"Connecting failed: {e.Message}", e);
        }
    }

    private static Socket NewSocket(ControlRequest request, out EndPoint endPoint, bool listening)
    {
        if (request.TextOrNull("path") is { } path)
        {
            endPoint = new UnixDomainSocketEndPoint(path);
            return new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        }

        int port = (int)Math.Min(request.Number32("port", 0), IPEndPoint.MaxPort);
        endPoint = listening || request.TextOrNull("host") is not { } host
            ? new IPEndPoint(IPAddress.Loopback, port)
            : IPAddress.TryParse(host, out IPAddress? address) ? new IPEndPoint(address, port) : new DnsEndPoint(host, port);
        return new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    }
}
