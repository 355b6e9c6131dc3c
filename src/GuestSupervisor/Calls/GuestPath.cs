using System.Globalization;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// Which paths are the guest's, by their text. It tells apart most that cannot be; of those that are left, <see cref="PathWalk"/> finds
/// out where they lead. So a link of the host that leads into a guest's folder is not followed.
/// </summary>
internal static class GuestPath
{
    /// <summary>Folders and files that are the guest's, with everything below them.</summary>
    private static readonly string[] Roots =
    [
        "/dev/dma_heap", "/dev/udmabuf", "/dev/dri", "/sys/class/dma_heap", "/sys/class/drm", "/sys/kernel/dmabuf",
        "/sys/kernel/debug/dma_buf", "/sys/kernel/debug/swiotlb", "/sys/kernel/debug/sync", "/sys/class/misc/udmabuf",
        "/sys/module/dma_heap", "/sys/module/udmabuf",
        "/sys/kernel/tracing/trace_pipe", "/sys/kernel/debug/tracing/trace_pipe",
        "/sys/devices/faux", "/sys/devices/platform/vgem", "/sys/devices/platform/vkms",
        "/sys/devices/virtual/dma_heap", "/sys/devices/virtual/misc/udmabuf",
        "/sys/bus/faux", "/sys/bus/platform/devices/vgem", "/sys/bus/platform/devices/vkms", "/sys/dev/char/10:122",
    ];

    // The major numbers of DRM and of heaps: a device of the host with such a number is not the guest's, whatever it is.
    private static readonly string[] Majors = ["/sys/dev/char/226:", "/sys/dev/char/251:"];

    // All folders above those, but the root.
    private static readonly HashSet<string> Above = [.. Roots.Concat(Majors).SelectMany(FoldersAbove)];

    /// <summary>True if the guest answers for the path.</summary>
    public static bool IsGuests(string absolute) =>
        Roots.Any(root =>
            absolute.StartsWith(root, StringComparison.Ordinal) && (absolute.Length == root.Length || absolute[root.Length] == '/'))
        || Majors.Any(major => absolute.StartsWith(major, StringComparison.Ordinal));

    /// <summary>True for the root and for a folder that something of the guest's is in, somewhere below.</summary>
    public static bool IsAbove(string absolute) => absolute.Length <= 1 || Above.Contains(absolute);

    /// <summary>True if a walk is worth it: as text, it leads to or through what is the guest's, to an fd, to a folder above.</summary>
    public static bool IsCandidate(string absolute, string end) =>
        IsGuests(end) || Above.Contains(end) || FdEntry(end) is not null || Crosses(absolute);

    /// <summary>
    /// True for a path that cannot be the guest's or an fd's, whatever it is relative to: most of them, told apart without a look at
    /// /proc.
    /// </summary>
    public static bool IsForeign(string path) =>
        path.StartsWith('/') && !path.StartsWith("/dev", StringComparison.Ordinal) && !path.StartsWith("/sys", StringComparison.Ordinal)
        && !path.StartsWith("/proc", StringComparison.Ordinal) && !path.StartsWith("//", StringComparison.Ordinal)
        && !path.StartsWith("/.", StringComparison.Ordinal) && !path.Contains("/../", StringComparison.Ordinal);

    /// <summary>True if an absolute path has none of the names that all of the guest's begin with.</summary>
    public static bool HasNoName(string absolute) =>
        !absolute.Contains("/dev", StringComparison.Ordinal) && !absolute.Contains("/sys", StringComparison.Ordinal)
        && !absolute.Contains("/proc", StringComparison.Ordinal);

    /// <summary>A path without "." and ".." and doubled slashes.</summary>
    public static string Normalise(string folder, string path)
    {
        var parts = new List<string>();
        foreach (string part in $"{(path.StartsWith('/') ? "" : folder)}/{path}".Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".." && parts.Count > 0)
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part is not ("." or ".."))
            {
                parts.Add(part);
            }
        }

        return "/" + string.Join('/', parts);
    }

    private static IEnumerable<string> FoldersAbove(string path)
    {
        for (int slash = path.LastIndexOf('/'); slash > 0; slash = path.LastIndexOf('/', slash - 1))
        {
            yield return path[..slash];
        }
    }

    private static bool Crosses(string absolute)
    {
        string[] parts = absolute.Contains("/..", StringComparison.Ordinal) ? absolute.Split('/') : [];
        return Enumerable.Range(0, parts.Length).Any(n => parts[n] == ".." && IsGuests(Normalise("", string.Join('/', parts[..n]))));
    }

    /// <summary>
    /// An entry of a process's fd or fdinfo folder: the process ("self" or a number), the folder, the number. Null: another path.
    /// </summary>
    public static (string Process, string Folder, int Fd)? FdEntry(string absolute)
    {
        string[] parts = absolute.Split('/');
        int folder = parts.Length > 5 && parts[3] == "task" ? 5 : 3;
        return parts.Length == folder + 2 && parts[1] == "proc" && parts[folder] is "fd" or "fdinfo"
            && int.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int fd)
                ? (parts[2], parts[folder], fd)
                : parts is ["", "dev", "fd", var number]
                && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int own)
                    ? ("self", "fd", own)
                    : null;
    }
}
