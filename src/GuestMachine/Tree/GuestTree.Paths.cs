using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Tree;

/// <summary>The calls of the tree by path, for callers that make one call and so need no place.</summary>
public sealed partial class GuestTree
{
    /// <summary>An absolute path as <see cref="Resolve"/> follows it. It may lead out of the guest.</summary>
    public string Follow(string path, bool last) => Resolve(path, last).Path;

    /// <summary>What a path is; a link at its end is not followed.</summary>
    public TreeKind Kind(GuestProcess process, string path) => Kind(process, Resolve(path, follow: false));

    /// <summary>
    /// True for a folder whose whole content is the guest's, so that a name in it that the guest does not have does not exist.
    /// </summary>
    public bool Owns(string path)
    {
        using Lock.Scope held = _gate.Hold();
        return Table.Owns(path);
    }

    /// <summary>True for what stands in the guest and is no folder: no path leads through it (S-HEAP-57).</summary>
    public bool IsLeaf(string path)
    {
        using Lock.Scope held = _gate.Hold();
        return Table.IsLeaf(path);
    }

    /// <summary>open of a path, as of its place.</summary>
    public Result<int> Open(GuestProcess process, string path, uint flags) => Open(process, Resolve(path, FollowsLast(flags)), flags);

    /// <summary>The checks of an open that is not <see cref="Open(GuestProcess, TreePlace, uint)"/>'s, by path.</summary>
    public Failure? CheckOpen(GuestProcess process, string path, uint flags) =>
        CheckOpen(process, Resolve(path, FollowsLast(flags)), flags);

    /// <summary>stat by path, or lstat.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="path">Absolute path.</param>
    /// <param name="follow">Whether a link at the end of the path is followed.</param>
    public Result<FileStat> Stat(GuestProcess process, string path, bool follow = true) => Stat(process, Resolve(path, follow));

    /// <summary>readlink by path.</summary>
    public Result<string> ReadLink(GuestProcess process, string path) => ReadLink(process, Resolve(path, follow: false));

    /// <summary>Names in a folder; their order means nothing. ENOENT.</summary>
    public Result<string[]> List(GuestProcess process, string path)
    {
        Result<TreeEntry[]> entries = Entries(process, path);
        return entries.Ok ? Array.ConvertAll(entries.Value, e => e.Name) : entries.Failure;
    }

    /// <summary>Entries of a folder by path.</summary>
    public Result<TreeEntry[]> Entries(GuestProcess process, string path)
    {
        _core.Hooks.RefreshNatives?.Invoke();
        return EntriesNow(process, Resolve(path));
    }

    /// <summary>The whole text of a file by path.</summary>
    public Result<byte[]> ReadText(GuestProcess process, string path)
    {
        _core.Hooks.RefreshNatives?.Invoke();
        return TextNow(process, Resolve(path));
    }

    private static bool FollowsLast(uint flags) => (flags & OpenFlags.NoFollow) == 0;
}
