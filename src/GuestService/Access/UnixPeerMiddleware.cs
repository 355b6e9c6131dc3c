using System.Net.Sockets;
using CocoGuest.Service.Logging;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace CocoGuest.Service.Access;

/// <summary>Asks the kernel who is at the other end of each accepted Unix connection and turns strangers away.</summary>
internal static class UnixPeerMiddleware
{
    /// <summary>Adds the step to the Unix listener's connections.</summary>
    public static void UseUnixPeer(this IConnectionBuilder connections, ILogger log) => connections.Use(next => connection =>
    {
        try
        {
            var peer = UnixPeer.Of(connection.Features.Get<IConnectionSocketFeature>()!.Socket);
            if (!peer.MayConnect)
            {
                ServiceLog.StrangerRefused(log, peer.Credentials.UserId);
                return Task.CompletedTask;
            }

            connection.Features.Set(peer);
            return next(connection);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer hung up between accept and here.
            return Task.CompletedTask;
        }
    });
}
