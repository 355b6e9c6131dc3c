namespace CocoGuest.Machine.Devices;

/// <summary>What RegisterDevice says about a device.</summary>
public sealed record DeviceSpec
{
    /// <summary>Name of the device that every guest has from the start and every process may use.</summary>
    public const string BuiltInName = "emu0";

    /// <summary>1 to 64 printable characters, unique in the guest.</summary>
    public required string Name { get; init; }

    /// <summary>For people: "rdma", "drm".</summary>
    public string Kind { get; init; } = "";

    /// <summary>DMA mask; at least 24 bits (S-DMA-59).</summary>
    public ulong DmaMask { get; init; } = ulong.MaxValue;

    /// <summary>A T=1 (TDISP) device. An extension: Linux has no per-device trust (S-DMA-82).</summary>
    public bool Trusted { get; init; }

    /// <summary>True: every access by DmaRead and DmaWrite; mappings give no fd.</summary>
    public bool Mediated { get; init; }

    /// <summary>
    /// Bytes of a reserved pool of its own (restricted-dma-pool, S-SWI-70): whole segments of 256 KiB, at most 4 MiB; 0: the default pool.
    /// </summary>
    public ulong RestrictedPoolBytes { get; init; }

    /// <summary>min_align_mask (S-SWI-20).</summary>
    public ulong MinAlignMask { get; init; }
}
