namespace CocoGuest.Supervisor.Calls;

/// <summary>Commands that the supervisor looks at itself, by family and number: size and direction bits of a command vary.</summary>
internal static class FdCommands
{
    /// <summary>The command that makes a dma-buf of a DRM object.</summary>
    public const string ExportObject = "DRM_IOCTL_PRIME_HANDLE_TO_FD";

    private const int NumberMask = 0xff;
    private const int FamilyShift = 8;

    /// <summary>DRM_IOCTL_GEM_CLOSE and DRM_IOCTL_MODE_DESTROY_DUMB.</summary>
    public static bool EndsObject(uint command) =>
        ((char)((command >> FamilyShift) & NumberMask), command & NumberMask) is ('d', 0x09) or ('d', 0xb4);
}
