using CocoGuest.Machine.Abi;

namespace CocoGuest.Tests.Machine.Guests;

/// <summary>Handles and tokens that repeat from run to run.</summary>
internal sealed class SeededSecrets(ulong seed) : ISecretSource
{
    private readonly Random _random = new((int)seed);

    public Handle128 Next() => new((ulong)_random.NextInt64(), (ulong)_random.NextInt64());
}
