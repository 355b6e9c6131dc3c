using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma.Swiotlb;

namespace CocoGuest.Machine.Dma.Mapping;

/// <content>Checks of calls, log lines with the kernel's words, and failures for people. All of it is off the path of success.</content>
public sealed partial class DmaMapper
{
    private static readonly string[] Reasons =
    [
        "no reason",
        "the device has no DMA mask",
        "REQUIRE_COHERENT was asked of a device that is not coherent",
        "the decision table refuses it (forced bounce, shared attribute and MMIO do not fit together)",
        "the device does not reach the address",
        "the mapping must bounce but there is no swiotlb pool",
        "the swiotlb pool is not of the kind (shared or private) that the device needs",
        "swiotlb has no room for it",
        "the device does not reach the bounce address",
    ];

    private static Failure? CheckCall(string operation, DmaDirection direction, ulong address, ulong size)
    {
        if ((uint)direction > (uint)DmaDirection.FromDevice)
        {
            return new Failure(Errno.EINVAL, operation, "direction", $"Direction {(int)direction} is none of 0, 1, 2.", "direction");
        }

        if (size == 0)
        {
            return new Failure(Errno.EINVAL, operation, "length", "A DMA length must be at least 1.", "length");
        }

        return address <= ulong.MaxValue - size
            ? null
            : new Failure(Errno.EINVAL, operation, "length", $"0x{address:x} + {size} bytes goes beyond 64 bits.", "length");
    }

    private DmaMapError CheckDevice(DmaDevice device, DmaAttributes attributes, string operation)
    {
        bool refused = device.Rules.KnowsRequireCoherent && !device.Options.Coherent && (attributes & DmaAttributes.RequireCoherent) != 0;
        if (device.DmaMask != 0)
        {
            return refused ? DmaMapError.NotCoherent : DmaMapError.None;
        }

        // The sg path looks at REQUIRE_COHERENT before the mask (S-DMA-54), the other at the mask first (S-DMA-40).
        if (refused && operation == "dma_map_sgtable")
        {
            return DmaMapError.NotCoherent;
        }

        _log.WarnOnce(operation + ":mask", $"{device.LogName}: {operation} without a DMA mask");
        return DmaMapError.NoMask;
    }

    private static ulong Printed(MappingAction action, ulong phys, ulong priv, ulong unencrypted) => action switch
    {
        MappingAction.WarnPhys => phys,
        MappingAction.WarnPrivate => priv,
        MappingAction.WarnUnencrypted => unencrypted,
        _ => Uninitialised,
    };

    private void WarnOverflow(DmaDevice device, ulong dma, ulong size)
    {
        if (_log.MayWarnOnce("dma_direct_map_phys:overflow"))
        {
            _log.Warn($"{device.LogName}: DMA addr {Overflow(device, dma, size)}");
        }
    }

    private void WarnBounceOverflow(DmaDevice device, ulong dma, ulong size)
    {
        if (_log.MayWarnOnce("swiotlb_map:overflow"))
        {
            _log.Warn($"{device.LogName}: swiotlb addr {Overflow(device, dma, size)}");
        }
    }

    private static string Overflow(DmaDevice device, ulong dma, ulong size) =>
        $"0x{dma:x16}+{size} overflow (mask {device.DmaMask:x}, bus limit {device.Options.BusLimit:x}).";

    private void WarnNoPool(DmaDevice device)
    {
        if (_log.MayWarnRateLimited("swiotlb:no pool"))
        {
            _log.Warn($"{device.LogName}: Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer");
        }
    }

    private void WarnEncryptionActive() => _log.WarnOnce(
        "swiotlb:encryption", SwiotlbBoot.LogPrefix + "Memory encryption is active and system is using DMA bounce buffers");

    private void WarnFull(DmaDevice device, SwiotlbPool pool, ulong size)
    {
        if (_log.MayWarnRateLimited("swiotlb:full"))
        {
            string state = $"total {pool.Slots} (slots), used {pool.UsedSlots} (slots)";
            _log.Warn($"{device.LogName}: swiotlb buffer is full (sz: {size} bytes), {state}");
        }
    }

    private void WarnCut(DmaDevice device, ulong available, ulong size)
    {
        if (_log.MayWarnOnce("swiotlb_bounce:overflow"))
        {
            _log.Warn($"{device.LogName}: Buffer overflow detected. Allocation size: {available}. Mapping size: {size}.");
        }
    }

    private static Failure Describe(
        DmaMapError error, Errno errno, string operation, DmaDevice device, ulong phys, ulong size, int entry)
    {
        string what = entry < 0 ? "The mapping" : $"Entry {entry}";
        string sentence = $"{what} of {size} bytes at 0x{phys:x} for {device.Name} failed: {Reasons[(int)error]}.";
        return new Failure(errno, operation, error.ToString(), sentence);
    }

    private static Failure NotMapped(string operation, ulong dma) =>
        new(Errno.EINVAL, operation, "swiotlb: release slots", $"No bounced mapping starts at DMA address 0x{dma:x}.", "dma_address");

    private static Failure NotAMask(string field, ulong value) =>
        new(Errno.EINVAL, "add device", "mask", $"{field} 0x{value:x} is not of the form 2^n - 1.", field);

    private static Failure Unsupported(ulong mask, string field) =>
        new(Errno.EIO, "dma_set_mask", "dma_direct_supported", $"Direct mapping does not support the mask 0x{mask:x}.", field);
}
