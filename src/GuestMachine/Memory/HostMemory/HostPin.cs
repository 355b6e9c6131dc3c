namespace CocoGuest.Machine.Memory.HostMemory;

/// <summary>
/// Keeps a <see cref="HostMapping"/> mapped while a copy is in flight, even when its owner disposes it meanwhile. Release it once,
/// on any thread: <c>using var pin = mapping.Pin();</c>.
/// </summary>
public readonly unsafe ref struct HostPin : IDisposable
{
    private readonly HostMapping _mapping;

    internal HostPin(HostMapping mapping)
    {
        bool added = false;
        mapping.DangerousAddRef(ref added);
        _mapping = mapping;
        Pointer = (byte*)mapping.DangerousGetHandle();
    }

    /// <summary>First byte. Valid until the pin is disposed.</summary>
    public byte* Pointer { get; }

    /// <summary>Bytes from <see cref="Pointer"/>.</summary>
    public ulong Length => _mapping.Length;

    /// <summary>Part of the mapping. Valid until the pin is disposed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie in the mapping.</exception>
    public Span<byte> AsSpan(ulong offset, int length)
    {
        _mapping.CheckPart(offset, length < 0 ? ulong.MaxValue : (ulong)length);
        // SAFETY: the part lies in the mapping, which the pin keeps mapped.
        return new Span<byte>(Pointer + offset, length);
    }

    /// <summary>Lets go. The mapping goes away with the last pin when its owner has disposed it.</summary>
    public void Dispose() => _mapping.DangerousRelease();
}
