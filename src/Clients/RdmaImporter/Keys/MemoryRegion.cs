using CocoGuest.Importer;

namespace CocoGuest.RdmaImporter.Keys;

/// <summary>
/// A registered memory region: what its key allows, and where its bytes are on the bus. The range of a request is checked before
/// <see cref="ReadAsync"/> and <see cref="WriteAsync"/>; these walk the translation table.
/// </summary>
/// <param name="pd">Protection domain.</param>
/// <param name="access">What is allowed.</param>
/// <param name="table">Translation of the region.</param>
/// <param name="view">The device's view of memory.</param>
internal sealed class MemoryRegion(uint pd, AccessFlags access, TranslationTable table, IDmaView view)
{
    private volatile bool _valid = true;

    public uint Pd { get; } = pd;

    public AccessFlags Access { get; } = access;

    public TranslationTable Table { get; } = table;

    /// <summary>First address that requests use.</summary>
    public ulong Iova => Table.Iova;

    /// <summary>Bytes.</summary>
    public ulong Length => Table.Length;

    /// <summary>False once it is being deregistered.</summary>
    public bool Valid => _valid;

    public void Invalidate() => _valid = false;

    /// <summary>The device reads the region.</summary>
    public async Task ReadAsync(ulong iova, Memory<byte> destination, CancellationToken cancel)
    {
        for (int done = 0; done < destination.Length;)
        {
            (ulong address, ulong room) = Table.Translate(iova + (ulong)done);
            int length = (int)Math.Min((ulong)(destination.Length - done), room);
            await view.ReadAsync(address, destination.Slice(done, length), cancel);
            done += length;
        }
    }

    /// <summary>The device writes the region.</summary>
    public async Task WriteAsync(ulong iova, ReadOnlyMemory<byte> source, CancellationToken cancel)
    {
        for (int done = 0; done < source.Length;)
        {
            (ulong address, ulong room) = Table.Translate(iova + (ulong)done);
            int length = (int)Math.Min((ulong)(source.Length - done), room);
            await view.WriteAsync(address, source.Slice(done, length), cancel);
            done += length;
        }
    }
}
