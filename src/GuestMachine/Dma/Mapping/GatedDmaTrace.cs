using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>The guest's sink: makes text only while some event is enabled.</summary>
internal sealed class GatedDmaTrace(TraceBuffer buffer, IDmaTrace inner) : IDmaTrace
{
    public void MapPhys(DmaDevice device, ulong phys, ulong dma, ulong size, DmaDirection direction, DmaAttributes attributes)
    {
        if (buffer.Any)
        {
            inner.MapPhys(device, phys, dma, size, direction, attributes);
        }
    }

    public void UnmapPhys(DmaDevice device, ulong dma, ulong size, DmaDirection direction, DmaAttributes attributes)
    {
        if (buffer.Any)
        {
            inner.UnmapPhys(device, dma, size, direction, attributes);
        }
    }

    public void MapSg(
        DmaDevice device, ReadOnlySpan<SgEntry> entries, ReadOnlySpan<ulong> dma, DmaDirection direction, DmaAttributes attributes)
    {
        if (buffer.Any)
        {
            inner.MapSg(device, entries, dma, direction, attributes);
        }
    }

    public void MapSgError(
        DmaDevice device, ReadOnlySpan<SgEntry> entries, Errno error, DmaDirection direction, DmaAttributes attributes)
    {
        if (buffer.Any)
        {
            inner.MapSgError(device, entries, error, direction, attributes);
        }
    }

    public void UnmapSg(DmaDevice device, ReadOnlySpan<SgEntry> entries, DmaDirection direction, DmaAttributes attributes)
    {
        if (buffer.Any)
        {
            inner.UnmapSg(device, entries, direction, attributes);
        }
    }

    public void SyncSingle(DmaDevice device, ulong dma, ulong size, DmaDirection direction, bool forCpu)
    {
        if (buffer.Any)
        {
            inner.SyncSingle(device, dma, size, direction, forCpu);
        }
    }

    public void SyncSg(DmaDevice device, ReadOnlySpan<SgEntry> entries, ReadOnlySpan<ulong> dma, DmaDirection direction, bool forCpu)
    {
        if (buffer.Any)
        {
            inner.SyncSg(device, entries, dma, direction, forCpu);
        }
    }

    public void Bounced(DmaDevice device, ulong deviceAddress, ulong size)
    {
        if (buffer.Any)
        {
            inner.Bounced(device, deviceAddress, size);
        }
    }

    public void Allocation(DmaDevice device, DmaAllocationEvent allocation)
    {
        if (buffer.Any)
        {
            inner.Allocation(device, allocation);
        }
    }
}
