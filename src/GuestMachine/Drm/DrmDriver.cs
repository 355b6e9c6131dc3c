namespace CocoGuest.Machine.Drm;

/// <summary>
/// A DRM driver of the guest, as data: the two of the kernel that need no hardware, whose buffers are pages of shared memory files.
/// Models: the name of its device and what GET_CAP answers. Does not model: mode setting, planes, rendering.
/// </summary>
/// <param name="Name">Driver and device name.</param>
/// <param name="HasRenderNode">A render node exists besides the primary node.</param>
/// <param name="HasFences">FENCE_ATTACH and FENCE_SIGNAL exist.</param>
/// <param name="Caps">GET_CAP: value by number. Other numbers fail with <paramref name="UnknownCap"/>.</param>
/// <param name="UnknownCap">What GET_CAP of another number gives.</param>
internal sealed record DrmDriver(string Name, bool HasRenderNode, bool HasFences, IReadOnlyDictionary<ulong, ulong> Caps, Errno UnknownCap)
{
    /// <summary>Cap number: dumb buffers.</summary>
    public const ulong CapDumbBuffer = 1;

    /// <summary>Cap number: PRIME, bit 0 import, bit 1 export.</summary>
    public const ulong CapPrime = 5;

    /// <summary>Cap number: timestamps are monotonic.</summary>
    public const ulong CapTimestampMonotonic = 6;

    /// <summary>Cap number: sync objects.</summary>
    public const ulong CapSyncobj = 0x13;

    /// <summary>Cap number: timeline sync objects.</summary>
    public const ulong CapSyncobjTimeline = 0x14;

    private const ulong PrimeImportAndExport = 3;

    /// <summary>Both drivers.</summary>
    public static IReadOnlyList<DrmDriver> All { get; } =
    [
        // No mode setting, so everything about it is EOPNOTSUPP.
        new("vgem", true, true, new Dictionary<ulong, ulong>
        {
            [CapPrime] = PrimeImportAndExport, [CapTimestampMonotonic] = 1, [CapSyncobj] = 0, [CapSyncobjTimeline] = 0,
        }, Errno.EOPNOTSUPP),
        new("vkms", false, false, new Dictionary<ulong, ulong>
        {
            [CapDumbBuffer] = 1, [CapPrime] = PrimeImportAndExport, [CapTimestampMonotonic] = 1, [CapSyncobj] = 0, [CapSyncobjTimeline] = 0,
        }, Errno.EINVAL),
    ];
}
