namespace Grpc.Core;

/// <summary>Takes apart channel credentials; each transport derives from it.</summary>
public abstract class ChannelCredentialsConfiguratorBase
{
    /// <summary>The connection has no security.</summary>
    /// <param name="state">What the transport passed.</param>
    public abstract void SetInsecureCredentials(object? state);

    /// <summary>The connection is TLS.</summary>
    /// <param name="state">What the transport passed.</param>
    /// <param name="rootCertificates">Trusted roots in PEM; null for the machine's.</param>
    /// <param name="keyCertificatePair">The client's certificate and key, or null.</param>
    /// <param name="verifyPeerCallback">A further check of the server, or null.</param>
    public abstract void SetSslCredentials(
        object? state, string? rootCertificates, KeyCertificatePair? keyCertificatePair, VerifyPeerCallback? verifyPeerCallback);

    /// <summary>Each call brings credentials of its own.</summary>
    /// <param name="state">What the transport passed.</param>
    /// <param name="channelCredentials">Those of the connection.</param>
    /// <param name="callCredentials">Those of each call.</param>
    public abstract void SetCompositeCredentials(
        object? state, ChannelCredentials channelCredentials, CallCredentials callCredentials);
}
