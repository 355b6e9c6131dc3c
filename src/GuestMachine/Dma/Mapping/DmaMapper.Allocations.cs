using CocoGuest.Machine.Diagnostics;

namespace CocoGuest.Machine.Dma.Mapping;

/// <content>What allocations ask of the mapper: addresses, reach, trace lines; and what DMA debugging says.</content>
public sealed partial class DmaMapper
{
    /// <summary>Tells RAM from other addresses, or null: everything up to the last byte of RAM is.</summary>
    internal Func<ulong, bool>? IsRam { get; init; }

    /// <summary>The DMA address of coherent memory (S-DMA-60).</summary>
    internal ulong CoherentAddress(DmaDevice device, ulong phys) =>
        device.ForceUnencrypted ? _encoding.Unencrypted(phys) : _encoding.Private(phys);

    /// <summary><c>dma_coherent_ok</c>: the last byte lies within the coherent mask and the bus limit (S-DMA-63).</summary>
    internal bool ReachesCoherent(DmaDevice device, ulong phys, ulong size) =>
        CoherentAddress(device, phys) + (size - 1) <= device.CoherentLimit;

    /// <summary>One of the allocation events (S-TRC-13 to 15).</summary>
    internal void TraceAllocation(DmaDevice device, DmaAllocationEvent allocation) => _trace?.Allocation(device, allocation);

    /// <summary>A warning for a call that the front end refuses (S-DMA-64, 66, 69).</summary>
    internal void WarnRefused(DmaDevice device, string operation, string why) =>
        _log.WarnOnce(operation + ":refused", $"{device.LogName}: {operation}: {why}");

    // S-DMA-46: debugging kernels up to 7.1 refuse a range that is RAM, later ones only say so.
    private bool RefusesResource(DmaDevice device, ulong phys)
    {
        bool ram = IsRam?.Invoke(phys) ?? phys <= _environment.LastRamByte;
        if (!_environment.DmaDebug || !ram)
        {
            return false;
        }

        string line = $"dma_map_resource called for RAM address 0x{phys:x16}";
        if (_environment.Rules.MapsRamAsResource)
        {
            _log.Warn(line);
            return false;
        }

        _log.WarnOnce("dma_map_resource:ram", $"{device.LogName}: {line}");
        return true;
    }
}
