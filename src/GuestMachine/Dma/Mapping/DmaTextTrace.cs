using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>A sink that turns each event into the kernel's words and hands them on.</summary>
/// <param name="kernel">The guest kernel.</param>
/// <param name="receive">Gets event name and text, in the order of the events.</param>
public sealed class DmaTextTrace(KernelVersion kernel, Action<string, string> receive) : IDmaTrace
{
    private readonly DmaTraceText _text = new(kernel);

    /// <inheritdoc/>
    public void MapPhys(DmaDevice device, ulong phys, ulong dma, ulong size, DmaDirection direction, DmaAttributes attributes) =>
        receive(_text.MapEvent(attributes), _text.MapPhys(device.Name, phys, dma, size, direction, attributes));

    /// <inheritdoc/>
    public void UnmapPhys(DmaDevice device, ulong dma, ulong size, DmaDirection direction, DmaAttributes attributes) =>
        receive(_text.UnmapEvent(attributes), _text.UnmapPhys(device.Name, dma, size, direction, attributes));

    /// <inheritdoc/>
    public void MapSg(
        DmaDevice device, ReadOnlySpan<SgEntry> entries, ReadOnlySpan<ulong> dma, DmaDirection direction, DmaAttributes attributes) =>
        receive("dma_map_sg", _text.MapSg(device.Name, entries, dma, direction, attributes));

    /// <inheritdoc/>
    public void MapSgError(
        DmaDevice device, ReadOnlySpan<SgEntry> entries, Errno error, DmaDirection direction, DmaAttributes attributes) =>
        receive("dma_map_sg_err", _text.MapSgError(device.Name, entries, error, direction, attributes));

    /// <inheritdoc/>
    public void UnmapSg(DmaDevice device, ReadOnlySpan<SgEntry> entries, DmaDirection direction, DmaAttributes attributes) =>
        receive("dma_unmap_sg", _text.UnmapSg(device.Name, entries, direction, attributes));

    /// <inheritdoc/>
    public void SyncSingle(DmaDevice device, ulong dma, ulong size, DmaDirection direction, bool forCpu) =>
        receive(
            forCpu ? "dma_sync_single_for_cpu" : "dma_sync_single_for_device", DmaTraceText.SyncSingle(device.Name, dma, size, direction));

    /// <inheritdoc/>
    public void SyncSg(DmaDevice device, ReadOnlySpan<SgEntry> entries, ReadOnlySpan<ulong> dma, DmaDirection direction, bool forCpu) =>
        receive(forCpu ? "dma_sync_sg_for_cpu" : "dma_sync_sg_for_device", DmaTraceText.SyncSg(device.Name, entries, dma, direction));

    /// <inheritdoc/>
    public void Bounced(DmaDevice device, ulong deviceAddress, ulong size) =>
        receive("swiotlb_bounced", DmaTraceText.Bounced(device.Name, device.DmaMask, deviceAddress, size, device.ForcedBounce));

    /// <inheritdoc/>
    public void Allocation(DmaDevice device, DmaAllocationEvent allocation) =>
        receive(DmaTraceText.AllocationEvent(allocation.Kind), _text.Allocation(device.Name, allocation));
}
