using CocoGuest.Machine.Files;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// ioctls that make an fd or take one in their argument, by family and number: size and direction bits of a command vary.
/// </summary>
internal static class FdCommands
{
    /// <summary>The command that makes a dma-buf of a DRM object.</summary>
    public const string ExportObject = "DRM_IOCTL_PRIME_HANDLE_TO_FD";

    private const string Allocate = "DMA_HEAP_IOCTL_ALLOC";
    private const int NumberMask = 0xff;
    private const int FamilyShift = 8;

    private static readonly Dictionary<(char Family, int Number), string> Making = new()
    {
        [('b', 2)] = "DMA_BUF_IOCTL_EXPORT_SYNC_FILE",
        [('>', 3)] = "SYNC_IOC_MERGE",
        [('W', 0)] = "SW_SYNC_IOC_CREATE_FENCE",
        [('u', 0x42)] = "UDMABUF_CREATE",
        [('u', 0x43)] = "UDMABUF_CREATE_LIST",
        [('d', 0x2d)] = ExportObject,
    };

    // Bytes into the argument.
    private static readonly Dictionary<(char Family, int Number), uint> Taking = new()
    {
        [('b', 3)] = 4,
        [('>', 3)] = 32,
        [('d', 0x2e)] = 8,
    };

    /// <summary>The name of a command that makes an fd; null: it makes none. A heap looks at the number alone (S-HEAP-20).</summary>
    public static string? Makes(NativeFileKind kind, uint command) =>
        kind != NativeFileKind.HeapNode ? Making.GetValueOrDefault(KeyOf(command))
        : (command & NumberMask) == 0 ? Allocate
        : null;

    /// <summary>Where a command's argument has an fd; null: nowhere.</summary>
    public static uint? Takes(uint command) => Taking.TryGetValue(KeyOf(command), out uint offset) ? offset : null;

    /// <summary>DRM_IOCTL_GEM_CLOSE and DRM_IOCTL_MODE_DESTROY_DUMB.</summary>
    public static bool EndsObject(uint command) => KeyOf(command) is ('d', 0x09) or ('d', 0xb4);

    private static (char Family, int Number) KeyOf(uint command) =>
        ((char)((command >> FamilyShift) & NumberMask), (int)(command & NumberMask));
}
