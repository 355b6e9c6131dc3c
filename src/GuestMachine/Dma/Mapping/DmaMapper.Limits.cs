using System.Numerics;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Swiotlb;

namespace CocoGuest.Machine.Dma.Mapping;

/// <content>Masks and limits: S-DMA-57..59, S-DMA-70.</content>
public sealed partial class DmaMapper
{
    private const ulong Mask32 = uint.MaxValue;
    private const ulong DmaZoneMask = (1UL << 24) - 1;

    /// <summary><c>dma_set_mask</c> and <c>dma_set_coherent_mask</c> in one (S-DMA-59).</summary>
    /// <returns>Null, or EIO when the device has no mask or direct mapping does not support the new one.</returns>
    public Failure? SetMask(DmaDevice device, ulong mask)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (device.DmaMask == 0 || !Supports(mask))
        {
            return Unsupported(mask, "dma_mask");
        }

        device.SetMasks(mask, mask);
        return null;
    }

    /// <summary><c>dma_get_required_mask</c>: smallest 2^n − 1 that covers all of RAM as this device addresses it (S-DMA-58).</summary>
    public ulong RequiredMask(DmaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        ulong ram = _environment.LastRamByte;
        ulong last = device.ForceUnencrypted ? _encoding.Unencrypted(ram) : _encoding.Private(ram);
        return ulong.MaxValue >> BitOperations.LeadingZeroCount(last | 1);
    }

    /// <summary><c>dma_addressing_limited</c> (S-DMA-58).</summary>
    public bool IsAddressingLimited(DmaDevice device) => device.Limit < RequiredMask(device);

    /// <summary><c>dma_max_mapping_size</c> in bytes; <see cref="ulong.MaxValue"/> when unlimited (S-DMA-70).</summary>
    public ulong MaxMappingSize(DmaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (device.DmaMask == 0)
        {
            // Earlier kernels crash here; the emulator answers as 7.3 does.
            return 0;
        }

        bool bounces = device.Pool is not null
            && (IsAddressingLimited(device) || device.ForcedBounce || device.RefusesPrivate);
        return bounces ? SwiotlbPool.MaxMappingSize(device.Options.MinAlignMask) : ulong.MaxValue;
    }

    /// <summary><c>dma_direct_supported</c>.</summary>
    private bool Supports(ulong mask) =>
        mask >= Mask32 || mask >= _encoding.Unencrypted(Math.Min(DmaZoneMask, _environment.LastRamByte & ~Memory.Frames.Page.OffsetMask));
}
