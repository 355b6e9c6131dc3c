namespace Grpc.Core;

/// <summary>Checks a server beyond what TLS checks.</summary>
/// <param name="context">The server.</param>
/// <returns>Whether it is accepted.</returns>
public delegate bool VerifyPeerCallback(VerifyPeerContext context);
