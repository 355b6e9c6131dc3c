using System.Runtime.InteropServices;
using CocoGuest.Machine.Diagnostics;

namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>
/// What DMA API debugging of 7.2 and 7.3 says when a mapping is undone with other attributes than it was made with (S-DMA-47).
/// Models: the attributes compared, one line per boot. Does not model: the other checks of DMA API debugging; two mappings of one device at
/// one address with different attributes count as the later one.
/// </summary>
/// <remarks>Only mappings with an attribute that counts are remembered, so ordinary ones cost one look-up at unmap.</remarks>
internal sealed class DmaAttributeCheck(IKernelLog log)
{
    private const DmaAttributes Compared = DmaAttributes.NoKernelMapping | DmaAttributes.ForceContiguous | DmaAttributes.Mmio
        | DmaAttributes.RequireCoherent | DmaAttributes.Privileged | DmaAttributes.CcShared;

    private readonly Dictionary<(DmaDevice Device, ulong Dma), (DmaAttributes Attributes, int Count)> _mapped = [];

    /// <summary>A mapping was made.</summary>
    public void Mapped(DmaDevice device, ulong dma, DmaAttributes attributes)
    {
        if ((attributes & Compared) != 0)
        {
            ref (DmaAttributes Attributes, int Count) entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_mapped, (device, dma), out _);
            entry = (attributes & Compared, entry.Count + 1);
        }
    }

    /// <summary>A mapping is undone.</summary>
    public void Unmapped(DmaDevice device, ulong dma, ulong size, DmaAttributes attributes)
    {
        DmaAttributes mapped = Take((device, dma));
        DmaAttributes unmapped = attributes & Compared;
        if (mapped != unmapped && log.MayWarnOnce("DMA-API"))
        {
            log.Warn($"DMA-API: {device.LogName}: device driver frees DMA memory with different attributes [device address=0x{dma:x16}] "
                + $"[size={size} bytes] [mapped with 0x{(int)mapped:x}] [unmapped with 0x{(int)unmapped:x}]");
        }
    }

    private DmaAttributes Take((DmaDevice Device, ulong Dma) key)
    {
        if (!_mapped.TryGetValue(key, out (DmaAttributes Attributes, int Count) entry))
        {
            return DmaAttributes.None;
        }

        if (entry.Count == 1)
        {
            _mapped.Remove(key);
        }
        else
        {
            _mapped[key] = entry with { Count = entry.Count - 1 };
        }

        return entry.Attributes;
    }
}
