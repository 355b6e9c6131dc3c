namespace CocoGuest.Supervisor.Calls;

/// <summary>Commands that make an fd, and where the program finds its number: at an offset in the argument, or as the return value.</summary>
/// <param name="Name">The command's name.</param>
/// <param name="Offset">Bytes into the argument; null: the return value.</param>
internal sealed record NewFds(string Name, uint? Offset)
{
    private const int NumberMask = 0xff;
    private const int FamilyShift = 8;

    // By family and number: the size and direction bits of a command vary (S-HEAP-21, DRM).
    private static readonly Dictionary<(char Family, int Number), NewFds> All = new()
    {
        [('H', 0)] = new("DMA_HEAP_IOCTL_ALLOC", 8),
        [('b', 2)] = new("DMA_BUF_IOCTL_EXPORT_SYNC_FILE", 4),
        [('>', 3)] = new("SYNC_IOC_MERGE", 36),
        [('u', 0x42)] = new("UDMABUF_CREATE", null),
        [('u', 0x43)] = new("UDMABUF_CREATE_LIST", null),
        [('d', 0x2d)] = new("DRM_IOCTL_PRIME_HANDLE_TO_FD", 8),
    };

    /// <summary>The row of a command, or null: it makes none.</summary>
    public static NewFds? Find(uint command) =>
        All.GetValueOrDefault(((char)((command >> FamilyShift) & NumberMask), (int)(command & NumberMask)));
}
