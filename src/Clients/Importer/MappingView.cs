using CocoGuest.Client;

namespace CocoGuest.Importer;

/// <summary>The view of a device through one of its mappings.</summary>
/// <param name="mapping">The mapping; the view does not own it.</param>
/// <param name="counters">Counts what moves.</param>
public sealed class MappingView(DeviceMapping mapping, DmaCounters counters) : IDmaView
{
    /// <inheritdoc/>
    public async Task ReadAsync(ulong dmaAddress, Memory<byte> destination, CancellationToken cancel)
    {
        await mapping.ReadAsync(dmaAddress, destination, cancel);
        counters.Count(destination.Length, mapping.IsDirect);
    }

    /// <inheritdoc/>
    public async Task WriteAsync(ulong dmaAddress, ReadOnlyMemory<byte> source, CancellationToken cancel)
    {
        await mapping.WriteAsync(dmaAddress, source, cancel);
        counters.Count(source.Length, mapping.IsDirect);
    }
}
