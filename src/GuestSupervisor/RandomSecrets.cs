using CocoGuest.Linux.Processes;
using CocoGuest.Machine.Abi;

namespace CocoGuest.Supervisor;

/// <summary>Handles, secrets and tokens from the system's cryptographic source.</summary>
public sealed class RandomSecrets : ISecretSource
{
    /// <inheritdoc/>
    public Handle128 Next()
    {
        Span<byte> bytes = stackalloc byte[16];
        Entropy.Fill(bytes);
        return Handle128.FromBytes(bytes);
    }
}
