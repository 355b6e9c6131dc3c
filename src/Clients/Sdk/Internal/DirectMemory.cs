namespace CocoGuest.Client.Internal;

/// <summary>A mapping of memory that the broker gave, and whether it was taken back since.</summary>
/// <param name="map">The mapping.</param>
/// <param name="backingId">Identity of the memory.</param>
/// <param name="registry">Tells of revocations.</param>
internal sealed class DirectMemory(MemoryMapHandle map, ulong backingId, RevocationRegistry registry) : IDisposable
{
    private volatile string? _revoked;

    public event Action<string>? Revoked;

    public MemoryMapHandle Map { get; } = map;

    public ulong BackingId { get; } = backingId;

    /// <summary>Why the memory was taken back, or null.</summary>
    public string? RevokedBecause => _revoked;

    public void Revoke(string reason)
    {
        if (_revoked is not null)
            return;
        _revoked = reason;
        Revoked?.Invoke(reason);
    }

    public void Dispose()
    {
        registry.Remove(this);
        Map.Dispose();
    }
}
