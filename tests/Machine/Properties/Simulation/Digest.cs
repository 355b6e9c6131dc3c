namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <summary>A running digest of answers (FNV-1a over 64-bit words): equal for equal runs.</summary>
internal struct Digest()
{
    private const ulong Prime = 0x100000001b3;

    /// <summary>The digest so far.</summary>
    public ulong Value { get; private set; } = 0xcbf29ce484222325;

    /// <summary>Takes an answer in.</summary>
    public void Add(ulong word) => Value = (Value ^ word) * Prime;

    /// <summary>Takes bytes in.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            Add(b);
        }
    }
}
