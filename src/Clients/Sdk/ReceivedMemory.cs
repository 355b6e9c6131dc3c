using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Client;

/// <summary>What the fd broker gave for a token. Disposing it closes the fd; mappings made from it stay.</summary>
/// <param name="fd">The memfd.</param>
/// <param name="backingId">Identity of the memory; a revocation names it.</param>
/// <param name="size">Bytes of the memfd.</param>
/// <param name="readOnly">True when it can be mapped for reading only.</param>
public sealed class ReceivedMemory(SafeFileHandle fd, ulong backingId, ulong size, bool readOnly) : IDisposable
{
    /// <summary>The memfd.</summary>
    public SafeFileHandle Fd { get; } = fd;

    /// <summary>Identity of the memory; a revocation names it.</summary>
    public ulong BackingId { get; } = backingId;

    /// <summary>Bytes of the memfd.</summary>
    public ulong Size { get; } = size;

    /// <summary>True when it can be mapped for reading only.</summary>
    public bool ReadOnly { get; } = readOnly;

    /// <inheritdoc/>
    public void Dispose() => Fd.Dispose();
}
