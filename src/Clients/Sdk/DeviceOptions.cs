using CocoGuest.V1;

namespace CocoGuest.Client;

/// <summary>What a simulated device is.</summary>
public sealed record DeviceOptions
{
    /// <summary>Unique in the guest, for example <c>0000:01:00.0</c>; up to 64 characters.</summary>
    public required string Name { get; init; }

    /// <summary>For people: <c>rdma</c>, <c>drm</c>.</summary>
    public string Kind { get; init; } = "";

    /// <summary>DMA mask; null: 64 bits (S-DMA-59).</summary>
    public ulong? DmaMask { get; init; }

    /// <summary>True: a T=1 device, which may see private memory (S-DMA-82).</summary>
    public bool Trusted { get; init; }

    /// <summary>How its bytes move: by shared memory, or each access through the server.</summary>
    public DeviceMode Mode { get; init; }

    /// <summary>min_align_mask (S-SWI-20).</summary>
    public ulong MinAlignMask { get; init; }
}
