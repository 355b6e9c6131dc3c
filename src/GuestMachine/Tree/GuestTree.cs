using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;

namespace CocoGuest.Machine.Tree;

/// <summary>
/// What programs find by path: device nodes, their sysfs entries, dma-buf statistics, debugfs, module parameters, fds of the process.
/// Models: open, stat, listing and text of these, and the symbolic links of sysfs between them (S-HEAP-01, 04, 05, 53,
/// S-BUF-101 to 104, 113, S-GPU-26, 27, S-SWI-50). Does not model: any other path, writing to text files.
/// </summary>
/// <remarks>What there is, each room puts into <see cref="Table"/> itself; the tree knows none of them.</remarks>
public sealed partial class GuestTree
{
    private const string DebugFolder = "/sys/kernel/debug/";
    private const ulong FdInfoInode = 1;
    private const uint PathOnlyFlags = OpenFlags.Directory | OpenFlags.PathOnly | OpenFlags.CloseOnExec;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestFiles _files;

    internal GuestTree(GuestCore core, GuestFiles files)
    {
        _core = core;
        _gate = core.Gate;
        _files = files;
    }

    /// <summary>All paths that there are, but those of fds.</summary>
    internal TreeTable Table { get; } = new();

    /// <summary>
    /// Where an absolute path leads: "." and ".." are gone, and the guest's symbolic links are followed, all but one at the end,
    /// which is followed only if <paramref name="follow"/> says so. It may lead out of the guest.
    /// </summary>
    public TreePlace Resolve(string path, bool follow = true)
    {
        using Lock.Scope held = _gate.Hold();
        return Table.Follow(path, follow);
    }

    /// <summary>What stands at a place. For paths of fds it depends on what the process has open.</summary>
    public TreeKind Kind(GuestProcess process, TreePlace place)
    {
        using Lock.Scope held = _gate.Hold();
        return place.Item is { } item ? item.Kind
            : Opens(process, place.Fd) is not null ? TreeKind.FdLink
            : Opens(process, place.FdInfo) is not null ? TreeKind.File
            : TreeKind.None;
    }

    /// <summary>open of a node or of <c>/proc/self/fd/N</c>.</summary>
    /// <param name="process">The caller; its user has to have the rights.</param>
    /// <param name="place">The place; a link at its end is followed unless <paramref name="flags"/> have O_NOFOLLOW.</param>
    /// <param name="flags">O_* bits.</param>
    /// <returns>
    /// EMFILE before all that the path says (S-BUF-88); ENOENT, EISDIR, ENOTDIR, EEXIST, EACCES, EINVAL (O_DIRECT), EBUSY; ENXIO for a
    /// dma-buf opened anew (S-BUF-14).
    /// </returns>
    public Result<int> Open(GuestProcess process, TreePlace place, uint flags)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if ((GuestFiles.Reserve(process, "open") ?? CheckFolder(process, place, "open", flags)) is { } refused)
        {
            return refused;
        }

        GuestFile? present = Opens(process, place.Fd);
        TreePlace node = present is null or PathFile || present.RawDevice == 0 ? place : At(present.LinkTarget);
        return node.Item is { Open: not null } item ? OpenNode(process, item, node.Path, flags)
            : present is not null ? Reopen(process, present, flags)
            : place.Item is { Kind: TreeKind.Link } ? Refused(Errno.ELOOP, process, place.Path, flags)
            : NoEntry("open", place.Path);
    }

    /// <summary>
    /// The checks of an open that is not <see cref="Open(GuestProcess, TreePlace, uint)"/>'s: of a text, a stream, a folder.
    /// Null: it may be opened so.
    /// </summary>
    /// <returns>ENOENT, EEXIST, ENOTDIR, EISDIR, EACCES; ELOOP for a link that is not followed.</returns>
    public Failure? CheckOpen(GuestProcess process, TreePlace place, uint flags)
    {
        using Lock.Scope held = _gate.Hold();
        TreeKind kind = Kind(process, place);
        if (CheckFolder(process, place, "open", flags) is { } noFolder)
        {
            return noFolder;
        }

        if (kind == TreeKind.None)
        {
            return NoEntry("open", place.Path);
        }

        InodeAttributes attributes = place.Item?.Attributes ?? OfFdEntries;
        var access = (AccessMode)(flags & OpenFlags.AccessMode);
        bool writes = access != AccessMode.ReadOnly;
        Errno refused =
            (flags & (OpenFlags.Create | OpenFlags.Exclusive)) == (OpenFlags.Create | OpenFlags.Exclusive) ? Errno.EEXIST
            : kind == TreeKind.Folder && (writes || (flags & OpenFlags.Create) != 0) ? Errno.EISDIR
            : kind != TreeKind.Folder && (flags & OpenFlags.Directory) != 0 ? Errno.ENOTDIR
            : kind == TreeKind.Link ? (flags & OpenFlags.PathOnly) == 0 ? Errno.ELOOP : Errno.None
            : HiddenFrom(process, place.Path) || !attributes.Allows(process.Uid, process.Gid, access) ? Errno.EACCES
            : Errno.None;
        return refused == Errno.None ? null : Refused(refused, process, place.Path, flags);
    }

    /// <summary>stat of a place: ENOENT for what is not there.</summary>
    public Result<FileStat> Stat(GuestProcess process, TreePlace place)
    {
        using CallScope call = _gate.Enter(process);
        return (call.Refused ?? CheckFolder(process, place, "stat")) is { } refused ? refused
            : place.Item is { } item ? StatOf(place.Path, item.Inode, item.Attributes, item)
            : Opens(process, place.Fd) is { } file ? GuestFiles.StatOf(file)
            : Opens(process, place.FdInfo) is not null ? StatOf(place.Path, FdInfoInode, OfFdEntries, null)
            : NoEntry("stat", place.Path);
    }

    /// <summary>readlink: where a link leads, as it is written. ENOENT; EINVAL for what is no link.</summary>
    public Result<string> ReadLink(GuestProcess process, TreePlace place)
    {
        using CallScope call = _gate.Enter(process);
        return (call.Refused ?? CheckFolder(process, place, "readlink")) is { } refused ? refused
            : place.Item?.Target is { } target ? target
            : Kind(process, place) == TreeKind.None ? NoEntry("readlink", place.Path)
            : new Failure(Errno.EINVAL, "readlink", "check kind", $"'{Short(place.Path)}' is no link.", "path");
    }

    /// <summary>Entries of a folder, without "." and ".."; their order means nothing. ENOENT; ENOTDIR for what is no folder.</summary>
    public Result<TreeEntry[]> Entries(GuestProcess process, TreePlace place)
    {
        _core.Hooks.RefreshNatives?.Invoke();
        return EntriesNow(process, place);
    }

    /// <summary>What is the guest's in a folder that holds what is not, too, as /dev does; null: not such a folder.</summary>
    public TreeEntry[]? SharedEntries(string path)
    {
        using Lock.Scope held = _gate.Hold();
        return Table.SharedNames(path) is { } names ? EntriesOf(path, names) : null;
    }

    /// <summary>What statfs tells of a path of the guest's.</summary>
    public static FileSystemStat FileSystemOf(string path) => FileSystemStat.Of(path);

    /// <summary>The whole text of a file of sysfs, debugfs or procfs, as bytes. ENOENT; EACCES for debugfs without root.</summary>
    public Result<byte[]> ReadText(GuestProcess process, TreePlace place)
    {
        _core.Hooks.RefreshNatives?.Invoke();
        return TextNow(process, place);
    }

    // S-HEAP-57: a path that goes on behind a file, or ends in a slash or a dot.
    private Failure? CheckFolder(GuestProcess process, TreePlace place, string operation, uint flags = 0) =>
        place.EndsInSlash && (flags & OpenFlags.Create) != 0
            ? new Failure(Errno.EISDIR, operation, "check path", $"'{Short(place.Path)}/' with O_CREAT would be a folder.", "path")
        : place.WantsFolder && Kind(process, place) is not (TreeKind.None or TreeKind.Folder or TreeKind.Link)
            ? new Failure(Errno.ENOTDIR, operation, "check path", $"'{Short(place.Path)}' is no folder, and the path goes on.", "path")
        : null;

    private static InodeAttributes OfFdEntries { get; } = new(InodeAttributes.RegularFile) { Permissions = TreeTable.ReadableByAll };

    private TreePlace At(string path) => new(path, Table.Find(path));

    private static GuestFile? Opens(GuestProcess process, int? fd) => fd is { } number ? process.Fds.Find(number) : null;

    private Result<TreeEntry[]> EntriesNow(GuestProcess process, TreePlace place)
    {
        using CallScope call = _gate.Enter(process);
        return call.Refused is { } dead ? dead
            : Table.Names(place.Path) is { } names ? EntriesOf(place.Path, names)
            : place.Item?.Entries is { } entries ? entries().ToArray()
            : Kind(process, place) == TreeKind.None ? NoEntry("opendir", place.Path)
            : new Failure(Errno.ENOTDIR, "opendir", "check kind", $"'{Short(place.Path)}' is no folder.", "path");
    }

    private Result<byte[]> TextNow(GuestProcess process, TreePlace place)
    {
        using CallScope call = _gate.Enter(process);
        return (call.Refused ?? CheckFolder(process, place, "open")) is { } refused ? refused
            : place.FdInfo is { } fd && Opens(process, fd) is not null ? _files.FdInfo(process, fd)
            : HiddenFrom(process, place.Path) ? new Failure(Errno.EACCES, "open", "check mode", "debugfs is root's alone.", "path")
            : place.Item?.Text?.Invoke() is { } text ? Encoding.Latin1.GetBytes(text)
            : NoEntry("open", place.Path);
    }

    private FileStat StatOf(string path, ulong inode, InodeAttributes attributes, TreeItem? item) => new(
        inode, GuestFiles.DeviceOf(path), attributes.Type | attributes.Permissions, Table.LinksOf(path), attributes.Uid, attributes.Gid,
        item?.RawDevice ?? 0, item?.Size ?? 0, 0);

    private TreeEntry[] EntriesOf(string folder, IReadOnlyCollection<string> names) =>
    [
        .. names.Select(n => (Name: n, Item: Table.Find($"{folder}/{n}")!))
            .Select(e => new TreeEntry(e.Name, e.Item.Inode, e.Item.Kind, e.Item.DirentType)),
    ];

    private static Result<int> OpenNode(GuestProcess process, TreeItem item, string path, uint flags)
    {
        bool byPath = (flags & OpenFlags.PathOnly) != 0;
        flags = byPath ? flags & PathOnlyFlags : flags;
        var access = (AccessMode)(flags & OpenFlags.AccessMode);
        Errno refused =
            (flags & (OpenFlags.Create | OpenFlags.Exclusive)) == (OpenFlags.Create | OpenFlags.Exclusive) ? Errno.EEXIST
            : (flags & OpenFlags.Directory) != 0 ? Errno.ENOTDIR
            : !byPath && (HiddenFrom(process, path) || !item.Attributes.Allows(process.Uid, process.Gid, access)) ? Errno.EACCES
            : item.RefusesExclusive && (flags & OpenFlags.Exclusive) != 0 ? Errno.EBUSY
            : (flags & OpenFlags.Direct) != 0 ? Errno.EINVAL
            : Errno.None;
        if (refused != Errno.None)
        {
            return Refused(refused, process, path, flags);
        }

        if (byPath)
        {
            return OpenPath(process, item.Open!(process, access), flags);
        }

        GuestFile file = item.Open!(process, access);
        file.StatusFlags = (flags & OpenFlags.Kept) | OpenFlags.LargeFile;
        return GuestFiles.InstallReserved(process, file, (flags & OpenFlags.CloseOnExec) != 0);
    }

    // The pseudo file system of dma-bufs opens nothing: only a reference to the place can be had (S-BUF-14).
    private static Result<int> Reopen(GuestProcess process, GuestFile file, uint flags)
    {
        GuestFile named = file is PathFile path ? path.Named : file;
        if ((flags & OpenFlags.PathOnly) == 0)
        {
            return new Failure(Errno.ENXIO, "open", "open file", $"A {named.Kind} cannot be opened anew (S-BUF-14).", "path");
        }

        return OpenPath(process, named, flags);
    }

    private static int OpenPath(GuestProcess process, GuestFile named, uint flags)
    {
        named.References++;
        return GuestFiles.InstallReserved(process, new PathFile(named), (flags & OpenFlags.CloseOnExec) != 0);
    }

    private static bool HiddenFrom(GuestProcess process, string path) =>
        process.Uid != 0 && path.StartsWith(DebugFolder, StringComparison.Ordinal);

    private static Failure Refused(Errno errno, GuestProcess process, string path, uint flags) =>
        new(errno, "open", "check flags", $"{Short(path)} cannot be opened with flags 0x{flags:x} by user {process.Uid}.", "flags");

    private static Failure NoEntry(string operation, string path) =>
        new(Errno.ENOENT, operation, "look up path", $"There is no '{Short(path)}' in this guest.", "path");

    private static string Short(string path) => path.Length <= 128 ? path : path[..128] + "…";
}
