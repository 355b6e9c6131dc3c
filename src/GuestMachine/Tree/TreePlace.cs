using System.Globalization;

namespace CocoGuest.Machine.Tree;

/// <summary>
/// Where a path leads in a guest: <see cref="GuestTree.Resolve"/> finds it once, and the calls of one open or stat share it.
/// Models: a path without links, and what stands there. Does not model: the process. Whether its fd is open, the calls that take a place
/// find out from its table.
/// </summary>
public sealed class TreePlace
{
    private const string FdFolder = "/proc/self/fd/";
    private const string FdInfoFolder = "/proc/self/fdinfo/";

    internal TreePlace(string path, TreeItem? item)
    {
        Path = path;
        Item = item;
        if (item is null)
        {
            Fd = NumberIn(path, FdFolder);
            FdInfo = NumberIn(path, FdInfoFolder);
        }
    }

    /// <summary>The absolute path, with links followed as far as was asked, without "." and "..". It may be out of the guest.</summary>
    public string Path { get; }

    /// <summary>
    /// The path goes on behind the place, or ends in a slash or a dot: only a folder will do there, anything else is ENOTDIR (S-HEAP-57).
    /// </summary>
    public bool WantsFolder { get; init; }

    /// <summary>The path ends in a slash, so that O_CREAT would have to make a folder: EISDIR.</summary>
    public bool EndsInSlash { get; init; }

    /// <summary>What stands there; null: nothing that every process sees.</summary>
    internal TreeItem? Item { get; }

    /// <summary>N of <c>/proc/self/fd/N</c>.</summary>
    internal int? Fd { get; }

    /// <summary>N of <c>/proc/self/fdinfo/N</c>.</summary>
    internal int? FdInfo { get; }

    /// <summary>True for a path of an fd's entry, whether the fd is open or not.</summary>
    internal static bool IsFdEntry(string path) => (NumberIn(path, FdFolder) ?? NumberIn(path, FdInfoFolder)) is not null;

    private static int? NumberIn(string path, string folder) =>
        path.StartsWith(folder, StringComparison.Ordinal)
        && int.TryParse(path.AsSpan(folder.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int fd) ? fd : null;
}
