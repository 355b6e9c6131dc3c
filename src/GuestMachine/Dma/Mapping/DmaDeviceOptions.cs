using CocoGuest.Machine.Dma.Swiotlb;

namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>What a driver tells the DMA layer about its device.</summary>
/// <param name="Name">Device name, for PCI like <c>0000:01:00.0</c>; trace and log lines print it.</param>
public sealed record DmaDeviceOptions(string Name)
{
    /// <summary>Segment boundary mask of PCI devices.</summary>
    public const ulong DefaultSegmentBoundaryMask = uint.MaxValue;

    /// <summary>Segment size that the DMA layer assumes by default, bytes.</summary>
    public const uint DefaultMaxSegmentSize = 65536;

    /// <summary>Driver word in front of the name in log lines, for example <c>mlx5_core</c>.</summary>
    public string Kind { get; init; } = "device";

    /// <summary>Streaming DMA mask; 0 means that the device has none (S-DMA-40, S-DMA-53).</summary>
    public ulong DmaMask { get; init; } = ulong.MaxValue;

    /// <summary>Coherent DMA mask; 0 means none.</summary>
    public ulong CoherentDmaMask { get; init; } = ulong.MaxValue;

    /// <summary>Highest address that the bus carries; 0 means no limit.</summary>
    public ulong BusLimit { get; init; }

    /// <summary>T=1: a device inside the guest's trust boundary (S-DMA-82, an extension of the emulator).</summary>
    public bool Trusted { get; init; }

    /// <summary>The device is coherent with CPU caches, as on x86.</summary>
    public bool Coherent { get; init; } = true;

    /// <summary>Low address bits that bouncing must keep: 2^n − 1 or 0.</summary>
    public ulong MinAlignMask { get; init; }

    /// <summary>A segment may not cross a multiple of this + 1: 2^n − 1.</summary>
    public ulong SegmentBoundaryMask { get; init; } = DefaultSegmentBoundaryMask;

    /// <summary>Largest segment that the device takes, bytes. Reported only: direct mapping does not split or refuse by it.</summary>
    public uint MaxSegmentSize { get; init; } = DefaultMaxSegmentSize;

    /// <summary>Its own reserved pool (S-SWI-70), or null for the guest's default pool.</summary>
    public SwiotlbPool? RestrictedPool { get; init; }
}
