namespace CocoGuest.Machine.Tree;

/// <summary>
/// The paths of a guest, and what stands at each. The rooms of the guest put them in (TreeTable.Adding.cs).
/// Models: folders of the guest alone, and names of the guest's in folders of the system; symbolic links; branches, which come and go
/// with what they tell of. Does not model: who may open what.
/// </summary>
internal sealed partial class TreeTable
{
    // Folders of the system in which something of the guest's is.
    private static readonly string[] SharedFolders =
    [
        "/dev", "/sys/class", "/sys/class/misc", "/sys/module", "/sys/kernel/debug", "/sys/dev/char", "/sys/devices",
        "/sys/devices/platform", "/sys/devices/virtual", "/sys/devices/virtual/misc", "/sys/bus", "/sys/bus/platform/devices",
        "/sys/kernel/tracing", "/sys/kernel/debug/tracing",
    ];

    private readonly Dictionary<string, TreeItem> _items = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _folders = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _shared = SharedFolders.ToDictionary(
        f => f, _ => new SortedSet<string>(StringComparer.Ordinal), StringComparer.Ordinal);
    private readonly List<(string Folder, Func<string, TreeItem?> Find)> _branches = [];

    /// <summary>The item at a path without links, or null.</summary>
    public TreeItem? Find(string path) => _items.GetValueOrDefault(path) ?? FindInBranch(path);

    /// <summary>True for a folder whose whole content is the guest's, and for all that is in a branch.</summary>
    public bool Owns(string path) => Names(path) is not null || _branches.Exists(b => path == b.Folder || IsBelow(path, b.Folder));

    /// <summary>Names in a folder of the guest's alone; null: no such folder.</summary>
    public IReadOnlyCollection<string>? Names(string folder) => _folders.GetValueOrDefault(folder);

    /// <summary>Names of the guest's in a folder that holds others, too; null: no such folder.</summary>
    public IReadOnlyCollection<string>? SharedNames(string folder) => _shared.GetValueOrDefault(folder);

    /// <summary>st_nlink: each folder in a folder points back to it. What is in a branch has one, whatever it is.</summary>
    public uint LinksOf(string path) =>
        Names(path) is { } names ? 2 + (uint)names.Count(name => _items[$"{path}/{name}"].Kind == TreeKind.Folder) : 1;

    /// <summary>
    /// A path with the symbolic links of the guest followed, and without "." and "..". As in a path walk, ".." after a link is the parent
    /// of what the link leads to, and nothing is behind what is no folder or is not there: the walk ends there (S-HEAP-57). No link of the
    /// guest leads back to itself, so it ends anyhow.
    /// </summary>
    /// <param name="path">Absolute path.</param>
    /// <param name="last">Whether a link at the end is followed; with a slash behind it, it always is.</param>
    public TreePlace Follow(string path, bool last)
    {
        bool slash = path.EndsWith('/');
        last |= slash;
        var rest = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        string place = "";
        while (rest.TryPop(out string? part))
        {
            if (IsLeaf(place) || IsMissing(place))
            {
                return new TreePlace(place, Find(place)) { WantsFolder = true };
            }

            if (part is "." or "..")
            {
                place = part == "." || place.Length == 0 ? place : place[..place.LastIndexOf('/')];
                continue;
            }

            string next = $"{place}/{part}";
            if ((rest.Count == 0 && !last) || _items.GetValueOrDefault(next) is not { Target: { } target })
            {
                place = next;
                continue;
            }

            foreach (string step in target.Split('/').Reverse())
            {
                rest.Push(step);
            }
        }

        place = place.Length == 0 ? "/" : place;
        return new TreePlace(place, Find(place))
        {
            WantsFolder = slash || path.EndsWith("/.", StringComparison.Ordinal),
            EndsInSlash = slash,
        };
    }

    /// <summary>True for what is there and is no folder; for an fd's entry whether it is open or not.</summary>
    public bool IsLeaf(string place) =>
        TreePlace.IsFdEntry(place) || Find(place) is { Kind: TreeKind.Node or TreeKind.File or TreeKind.Stream };

    // A name that a folder of the guest's alone does not have. What folders of the system have, nobody here knows.
    private bool IsMissing(string place) =>
        place.Length != 0 && Find(place) is null && Owns(place[..place.LastIndexOf('/')]);

    private TreeItem? FindInBranch(string path)
    {
        foreach ((string folder, Func<string, TreeItem?> find) in _branches)
        {
            if (path == folder || IsBelow(path, folder))
            {
                return find(path.Length == folder.Length ? "" : path[(folder.Length + 1)..]);
            }
        }

        return null;
    }

    private static bool IsBelow(string path, string folder) =>
        path.Length > folder.Length && path[folder.Length] == '/' && path.StartsWith(folder, StringComparison.Ordinal);
}
