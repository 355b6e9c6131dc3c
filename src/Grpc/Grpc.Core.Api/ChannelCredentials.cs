using Grpc.Core.Internal;

namespace Grpc.Core;

/// <summary>Credentials of a connection.</summary>
public abstract class ChannelCredentials
{
    /// <summary>No transport security.</summary>
    public static ChannelCredentials Insecure { get; } = new InsecureChannelCredentials();

    /// <summary>TLS with the machine's trusted roots.</summary>
    public static ChannelCredentials SecureSsl { get; } = new SslCredentials();

    /// <summary>Joins credentials of a connection with credentials that travel with each call on it.</summary>
    /// <param name="channelCredentials">The connection's; the transport may insist that they are secure.</param>
    /// <param name="callCredentials">Those of each call.</param>
    /// <returns>The joined credentials.</returns>
    public static ChannelCredentials Create(ChannelCredentials channelCredentials, CallCredentials callCredentials) =>
        new CompositeChannelCredentials(channelCredentials, callCredentials);

    /// <summary>Tells a transport what these credentials are made of. For transports only.</summary>
    /// <param name="configurator">The transport.</param>
    /// <param name="state">Is passed to the configurator.</param>
    public abstract void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object? state);
}
