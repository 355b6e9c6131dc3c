using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Drm;

/// <summary>
/// The ioctls of DRM nodes: those of the core, those that kernels after 6.12 added, then those of a driver with fences (S-GPU-20 to 29).
/// Models: every number up to 7.3, with the size and direction of its structure and who may use it. Does not model: display modes and sync
/// objects, which no driver here has.
/// </summary>
internal static class DrmIoctlTable
{
    /// <summary>Type letter of all commands.</summary>
    public const uint Type = 'd';

    private const uint FirstOfDriver = 0x40;
    private const uint EndOfDriver = 0xa0;
    private const DrmIoctlNeed LegacyNeed = DrmIoctlNeed.Authenticated | DrmIoctlNeed.Master | DrmIoctlNeed.Root;

    private static readonly DrmIoctlRow[] CoreRows =
    [
        new(0x00, "VERSION", 3, 64, DrmIoctlNeed.RenderAllowed, DrmIoctl.GetVersion),
        new(0x01, "GET_UNIQUE", 3, 16, DrmIoctlNeed.Primary, DrmIoctl.GetUnique),
        new(0x02, "GET_MAGIC", 2, 4, DrmIoctlNeed.Primary, DrmIoctl.GetMagic),
        new(0x05, "GET_CLIENT", 3, 40, DrmIoctlNeed.Primary, DrmIoctl.GetClient),
        new(0x06, "GET_STATS", 2, 248, DrmIoctlNeed.Primary, DrmIoctl.GetStatistics),
        new(0x07, "SET_VERSION", 3, 16, DrmIoctlNeed.Master, DrmIoctl.SetVersion),
        new(0x09, "GEM_CLOSE", 1, 8, DrmIoctlNeed.RenderAllowed, DrmIoctl.CloseGem),
        new(0x0a, "GEM_FLINK", 3, 8, DrmIoctlNeed.Authenticated, DrmIoctl.NameGem),
        new(0x0b, "GEM_OPEN", 3, 16, DrmIoctlNeed.Authenticated, DrmIoctl.OpenGem),
        new(0x0c, "GET_CAP", 3, 16, DrmIoctlNeed.RenderAllowed, DrmIoctl.GetCap),
        new(0x0d, "SET_CLIENT_CAP", 1, 16, DrmIoctlNeed.Primary, DrmIoctl.SetClientCap),
        new(0x10, "SET_UNIQUE", 1, 16, LegacyNeed, DrmIoctl.Invalid),
        new(0x11, "AUTH_MAGIC", 1, 4, DrmIoctlNeed.Master, DrmIoctl.AuthMagic),
        new(0x12, "BLOCK", 3, 4, LegacyNeed, DrmIoctl.Nothing),
        new(0x13, "UNBLOCK", 3, 4, LegacyNeed, DrmIoctl.Nothing),
        new(0x1e, "SET_MASTER", 0, 0, DrmIoctlNeed.Primary, DrmIoctl.SetMaster),
        new(0x1f, "DROP_MASTER", 0, 0, DrmIoctlNeed.Primary, DrmIoctl.DropMaster),
        new(0x27, "ADD_DRAW", 3, 4, LegacyNeed, DrmIoctl.Nothing),
        new(0x28, "RM_DRAW", 3, 4, LegacyNeed, DrmIoctl.Nothing),
        new(0x2c, "FINISH", 1, 8, DrmIoctlNeed.Authenticated, DrmIoctl.Nothing),
        new(0x2d, "PRIME_HANDLE_TO_FD", 3, 12, DrmIoctlNeed.RenderAllowed, DrmIoctl.HandleToFd),
        new(0x2e, "PRIME_FD_TO_HANDLE", 3, 12, DrmIoctlNeed.RenderAllowed, DrmIoctl.FdToHandle),
        new(0x3a, "WAIT_VBLANK", 3, 24, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0x3b, "CRTC_GET_SEQUENCE", 3, 24, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0x3c, "CRTC_QUEUE_SEQUENCE", 3, 24, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0x3f, "UPDATE_DRAW", 1, 24, LegacyNeed, DrmIoctl.Nothing),
        new(0xa0, "MODE_GETRESOURCES", 3, 64, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xa1, "MODE_GETCRTC", 3, 104, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xa2, "MODE_SETCRTC", 3, 104, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xa3, "MODE_CURSOR", 3, 28, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xa4, "MODE_GETGAMMA", 3, 32, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xa5, "MODE_SETGAMMA", 3, 32, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xa6, "MODE_GETENCODER", 3, 20, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xa7, "MODE_GETCONNECTOR", 3, 80, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xa8, "MODE_ATTACHMODE", 3, 72, DrmIoctlNeed.Master, DrmIoctl.Nothing),
        new(0xa9, "MODE_DETACHMODE", 3, 72, DrmIoctlNeed.Master, DrmIoctl.Nothing),
        new(0xaa, "MODE_GETPROPERTY", 3, 64, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xab, "MODE_SETPROPERTY", 3, 16, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xac, "MODE_GETPROPBLOB", 3, 16, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xad, "MODE_GETFB", 3, 28, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xae, "MODE_ADDFB", 3, 28, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xaf, "MODE_RMFB", 3, 4, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xb0, "MODE_PAGE_FLIP", 3, 24, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xb1, "MODE_DIRTYFB", 3, 24, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xb2, "MODE_CREATE_DUMB", 3, 32, DrmIoctlNeed.Primary, DrmIoctl.CreateDumb),
        new(0xb3, "MODE_MAP_DUMB", 3, 16, DrmIoctlNeed.Primary, DrmIoctl.MapDumb),
        new(0xb4, "MODE_DESTROY_DUMB", 3, 4, DrmIoctlNeed.Primary, DrmIoctl.DestroyDumb),
        new(0xb5, "MODE_GETPLANERESOURCES", 3, 16, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xb6, "MODE_GETPLANE", 3, 32, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xb7, "MODE_SETPLANE", 3, 48, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xb8, "MODE_ADDFB2", 3, 104, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xb9, "MODE_OBJ_GETPROPERTIES", 3, 32, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xba, "MODE_OBJ_SETPROPERTY", 3, 24, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xbb, "MODE_CURSOR2", 3, 36, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xbc, "MODE_ATOMIC", 3, 56, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xbd, "MODE_CREATEPROPBLOB", 3, 16, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xbe, "MODE_DESTROYPROPBLOB", 3, 4, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
        new(0xbf, "SYNCOBJ_CREATE", 3, 8, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xc0, "SYNCOBJ_DESTROY", 3, 8, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xc1, "SYNCOBJ_HANDLE_TO_FD", 3, 16, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xc2, "SYNCOBJ_FD_TO_HANDLE", 3, 16, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xc3, "SYNCOBJ_WAIT", 3, 40, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xc4, "SYNCOBJ_RESET", 3, 16, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xc5, "SYNCOBJ_SIGNAL", 3, 16, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xc6, "MODE_CREATE_LEASE", 3, 24, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xc7, "MODE_LIST_LESSEES", 3, 16, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xc8, "MODE_GET_LEASE", 3, 16, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xc9, "MODE_REVOKE_LEASE", 3, 4, DrmIoctlNeed.Master, DrmIoctl.NoModeSetting),
        new(0xca, "SYNCOBJ_TIMELINE_WAIT", 3, 48, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xcb, "SYNCOBJ_QUERY", 3, 24, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xcc, "SYNCOBJ_TRANSFER", 3, 32, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xcd, "SYNCOBJ_TIMELINE_SIGNAL", 3, 24, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xce, "MODE_GETFB2", 3, 104, DrmIoctlNeed.Primary, DrmIoctl.NoFrameBuffer),
        new(0xcf, "SYNCOBJ_EVENTFD", 3, 24, DrmIoctlNeed.RenderAllowed, DrmIoctl.NoSyncObjects),
        new(0xd0, "MODE_CLOSEFB", 3, 8, DrmIoctlNeed.Primary, DrmIoctl.NoModeSetting),
    ];

    // SET_CLIENT_NAME came with 6.13. GEM_CHANGE_HANDLE came with 6.18; the released 7.2 and 7.3 keep its number and refuse it (S-GPU-29).
    private static readonly DrmIoctlRow[] NewerRows =
    [
        new(0xd1, "SET_CLIENT_NAME", 3, 16, DrmIoctlNeed.RenderAllowed, DrmIoctl.SetClientName),
        new(0xd2, "GEM_CHANGE_HANDLE", 3, 8, DrmIoctlNeed.RenderAllowed, DrmIoctl.Invalid),
    ];

    private static readonly DrmIoctlRow[] FenceRows =
    [
        new(0x41, "VGEM_FENCE_ATTACH", 3, 16, DrmIoctlNeed.RenderAllowed, DrmIoctl.AttachFence),
        new(0x42, "VGEM_FENCE_SIGNAL", 1, 8, DrmIoctlNeed.RenderAllowed, DrmIoctl.SignalFence),
    ];

    private static readonly Dictionary<uint, DrmIoctlRow> Core = CoreRows.ToDictionary(r => r.Number);
    private static readonly Dictionary<uint, DrmIoctlRow> Newer = NewerRows.ToDictionary(r => r.Number);
    private static readonly Dictionary<uint, DrmIoctlRow> Fences = FenceRows.ToDictionary(r => r.Number);

    /// <summary>All rows: the core's, old and newer, then those of a driver with fences.</summary>
    public static IReadOnlyList<DrmIoctlRow> All { get; } = [.. CoreRows, .. NewerRows, .. FenceRows];

    /// <summary>The row of a number in a kernel, or null (EINVAL).</summary>
    public static DrmIoctlRow? Find(KernelProfile kernel, DrmDriver driver, uint number) =>
        number is < FirstOfDriver or >= EndOfDriver
            ? Core.GetValueOrDefault(number) ?? (kernel.HasNewerDrmIoctls ? Newer.GetValueOrDefault(number) : null)
        : driver.HasFences ? Fences.GetValueOrDefault(number)
        : null;
}
