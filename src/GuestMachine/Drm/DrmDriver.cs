using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Drm;

/// <summary>
/// A DRM driver of the guest, as data: the two of the kernel that need no hardware, whose buffers are pages of shared memory files.
/// Models: the name of its device, its version, what GET_CAP and SET_CLIENT_CAP answer. Does not model: mode setting, planes, rendering.
/// </summary>
/// <param name="Name">Driver and device name.</param>
/// <param name="Description">What VERSION says of it.</param>
/// <param name="HasRenderNode">A render node exists besides the primary node.</param>
/// <param name="HasFences">FENCE_ATTACH and FENCE_SIGNAL exist.</param>
/// <param name="Caps">GET_CAP: value by number. Other numbers fail with <paramref name="UnknownCap"/>.</param>
/// <param name="UnknownCap">What GET_CAP of another number gives.</param>
internal sealed record DrmDriver(
    string Name, string Description, bool HasRenderNode, bool HasFences, IReadOnlyDictionary<ulong, ulong> Caps, Errno UnknownCap)
{
    /// <summary>Cap number: dumb buffers.</summary>
    public const ulong CapDumbBuffer = 1;

    /// <summary>Cap number: PRIME, bit 0 import, bit 1 export.</summary>
    public const ulong CapPrime = 5;

    /// <summary>Cap number: timestamps are monotonic.</summary>
    public const ulong CapTimestampMonotonic = 6;

    /// <summary>Cap number: a vblank may be waited for on any CRTC.</summary>
    public const ulong CapVblankHighCrtc = 2;

    /// <summary>Cap numbers: width of a cursor; its height is the next.</summary>
    public const ulong CapCursorWidth = 8;

    /// <summary>Cap number: frame buffers are made with modifiers.</summary>
    public const ulong CapAddfb2Modifiers = 0x10;

    /// <summary>Cap number: events of a vblank tell the CRTC.</summary>
    public const ulong CapCrtcInVblankEvent = 0x12;

    /// <summary>Cap number: sync objects.</summary>
    public const ulong CapSyncobj = 0x13;

    /// <summary>Cap number: timeline sync objects.</summary>
    public const ulong CapSyncobjTimeline = 0x14;

    private const ulong PrimeImportAndExport = 3;
    private const ulong CapPreferredDepth = 3;
    private const ulong CapPreferShadow = 4;
    private const ulong CapAsyncPageFlip = 7;
    private const ulong CapPageFlipTarget = 0x11;
    private const ulong VkmsCursor = 512;
    private const ulong ClientCapAtomic = 3;
    private const ulong ClientCapWriteback = 5;
    private const ulong ClientCapHotspot = 6;

    // Largest value of each SET_CLIENT_CAP number of a driver that sets display modes (S-GPU-25).
    private static readonly Dictionary<ulong, ulong> ClientCaps = new()
    {
        [1] = 1,
        [2] = 1,
        [ClientCapAtomic] = 2,
        [4] = 1,
        [ClientCapWriteback] = 1,
    };

    /// <summary>Major version of both.</summary>
    public const int Major = 1;

    /// <summary>Minor version of both.</summary>
    public const int Minor = 0;

    /// <summary>SET_CLIENT_CAP; a driver without display modes supports none (S-GPU-25).</summary>
    public Errno ClientCap(ulong capability, ulong value, DrmFile file)
    {
        if (UnknownCap == Errno.EOPNOTSUPP || capability == ClientCapHotspot)
        {
            return Errno.EOPNOTSUPP;
        }

        bool allowed = ClientCaps.TryGetValue(capability, out ulong largest) && value <= largest
            && (capability != ClientCapWriteback || file.Atomic);
        if (allowed && capability == ClientCapAtomic)
        {
            file.Atomic = value != 0;
        }

        return allowed ? Errno.None : Errno.EINVAL;
    }

    /// <summary>Both drivers.</summary>
    public static IReadOnlyList<DrmDriver> All { get; } =
    [
        // No mode setting, so everything about it is EOPNOTSUPP.
        new("vgem", "Virtual GEM provider", true, true, new Dictionary<ulong, ulong>
        {
            [CapPrime] = PrimeImportAndExport, [CapTimestampMonotonic] = 1, [CapSyncobj] = 0, [CapSyncobjTimeline] = 0,
        }, Errno.EOPNOTSUPP),
        new("vkms", "Virtual Kernel Mode Setting", false, false, new Dictionary<ulong, ulong>
        {
            [CapDumbBuffer] = 1, [CapVblankHighCrtc] = 1, [CapPreferredDepth] = 0, [CapPreferShadow] = 0, [CapPrime] = PrimeImportAndExport,
            [CapTimestampMonotonic] = 1, [CapAsyncPageFlip] = 0, [CapCursorWidth] = VkmsCursor, [CapCursorWidth + 1] = VkmsCursor,
            [CapAddfb2Modifiers] = 1, [CapPageFlipTarget] = 0, [CapCrtcInVblankEvent] = 1, [CapSyncobj] = 0, [CapSyncobjTimeline] = 0,
        }, Errno.EINVAL),
    ];
}
