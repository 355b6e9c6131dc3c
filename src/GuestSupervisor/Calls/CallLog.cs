using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Supervisor.Seccomp;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// What the guest answered to the program's calls, in order, so that two runs can be compared call by call. Calls that the host's kernel
/// carried out are not in it. Thread safe: waiting calls are answered by whoever ends the wait.
/// </summary>
public sealed class CallLog
{
    /// <summary>How many answers are kept; those behind are counted by nobody.</summary>
    public const int Most = 20_000;

    private static readonly Dictionary<(char Family, uint Number), string> Commands = new()
    {
        [('H', 0)] = "DMA_HEAP_IOCTL_ALLOC",
        [('b', 0)] = "DMA_BUF_IOCTL_SYNC",
        [('b', 1)] = "DMA_BUF_SET_NAME",
        [('b', 2)] = "DMA_BUF_IOCTL_EXPORT_SYNC_FILE",
        [('b', 3)] = "DMA_BUF_IOCTL_IMPORT_SYNC_FILE",
        [('>', 3)] = "SYNC_IOC_MERGE",
        [('>', 4)] = "SYNC_IOC_FILE_INFO",
        [('u', 0x42)] = "UDMABUF_CREATE",
        [('u', 0x43)] = "UDMABUF_CREATE_LIST",
        [('d', 0x00)] = "DRM_IOCTL_VERSION",
        [('d', 0x09)] = "DRM_IOCTL_GEM_CLOSE",
        [('d', 0x0c)] = "DRM_IOCTL_GET_CAP",
        [('d', 0x2d)] = "DRM_IOCTL_PRIME_HANDLE_TO_FD",
        [('d', 0x2e)] = "DRM_IOCTL_PRIME_FD_TO_HANDLE",
        [('d', 0xd1)] = "DRM_IOCTL_SET_CLIENT_NAME",
        [('d', 0xd2)] = "DRM_IOCTL_GEM_CHANGE_HANDLE",
        [('d', 0xb2)] = "DRM_IOCTL_MODE_CREATE_DUMB",
        [('d', 0xb3)] = "DRM_IOCTL_MODE_MAP_DUMB",
        [('d', 0xb4)] = "DRM_IOCTL_MODE_DESTROY_DUMB",
    };

    private readonly Lock _lock = new();
    private readonly List<(SystemCall Call, uint Command, Errno Errno)> _answers = [];

    /// <summary>The answers so far.</summary>
    public IReadOnlyList<string> Take()
    {
        lock (_lock)
        {
            return [.. _answers.Select(a => $"{NameOf(a.Call, a.Command)} {(a.Errno == Errno.None ? "0" : a.Errno)}")];
        }
    }

    internal void Add(StoppedCall call, Errno errno)
    {
        lock (_lock)
        {
            if (_answers.Count < Most)
            {
                _answers.Add((call.Call, call.UInt(1), errno));
            }
        }
    }

    private static string NameOf(SystemCall call, uint command)
    {
        string name = call.ToString().ToLowerInvariant();
        const int familyShift = 8;
        const uint byteMask = 0xff;
        return call != SystemCall.Ioctl ? name
            : Commands.TryGetValue(((char)((command >> familyShift) & byteMask), command & byteMask), out string? known) ? $"{name} {known}"
            : string.Create(CultureInfo.InvariantCulture, $"{name} 0x{command:x8}");
    }
}
