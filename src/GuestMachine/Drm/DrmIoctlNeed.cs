namespace CocoGuest.Machine.Drm;

/// <summary>What a client must be to use an ioctl; anything missing gives EACCES (S-GPU-21).</summary>
[Flags]
internal enum DrmIoctlNeed
{
    /// <summary>A client of the primary node.</summary>
    Primary = 0,
    /// <summary>Render nodes may use it, too.</summary>
    RenderAllowed = 1,
    /// <summary>Authenticated: root, a master, or told so by one; clients of render nodes need not be.</summary>
    Authenticated = 2,
    /// <summary>The current master.</summary>
    Master = 4,
    /// <summary>Root.</summary>
    Root = 8,
}
