using System.Globalization;
using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;

namespace CocoGuest.Machine.Tree;

/// <summary>
/// What programs find by path: device nodes, their sysfs entries, dma-buf statistics, debugfs, module parameters, fds of the process.
/// Models: open, stat, listing and text of these, and the symbolic links of sysfs between them (S-HEAP-01, 04, 05, 53, S-BUF-101 to 104, 113, S-GPU-26,
/// 27, S-SWI-50). Does not model: any other path, writing to text files.
/// </summary>
public sealed class GuestTree
{
    internal const string BufInfoFile = "/sys/kernel/debug/dma_buf/bufinfo";
    private const string FdFolder = "/proc/self/fd";
    private const string FdInfoFolder = "/proc/self/fdinfo";
    private const string StatisticsFolder = "/sys/kernel/dmabuf/buffers";
    private const string DebugFolder = "/sys/kernel/debug/";
    private const uint FolderPermissions = 0x1ed;
    private const uint ReadableByAll = 0x124;
    private const uint PathOnlyFlags = OpenFlags.Directory | OpenFlags.PathOnly | OpenFlags.CloseOnExec;
    private const byte DirentFolder = 4;
    private const byte DirentFile = 8;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly Guest _guest;
    private TreeTable? _table;
    private int _heaps;

    internal GuestTree(GuestCore core, Guest guest)
    {
        _core = core;
        _gate = core.Gate;
        _guest = guest;
    }

    // Heaps are registered while the guest boots, and nothing else of the table ever changes.
    private TreeTable Table
    {
        get
        {
            if (_table is null || _heaps != _guest.Heaps.Nodes.Count)
            {
                _heaps = _guest.Heaps.Nodes.Count;
                _table = new TreeTable(_guest);
            }

            return _table;
        }
    }

    /// <summary>
    /// An absolute path without "." and "..", with the guest's symbolic links followed: all but one at the end, which is followed only if
    /// <paramref name="last"/> says so. It may lead out of the guest.
    /// </summary>
    public string Follow(string path, bool last)
    {
        using Lock.Scope held = _gate.Hold();
        return Table.Follow(path, last);
    }

    /// <summary>
    /// What a path is, for who has to decide quickly whose it is; a link at its end is not followed. Paths of fds depend on the process.
    /// </summary>
    public TreeKind Kind(GuestProcess process, string path)
    {
        using Lock.Scope held = _gate.Hold();
        path = Table.Follow(path, last: false);
        return Table.Find(path) is { } item ? item.Kind
            : FdOf(path, FdFolder) is { } fd ? process.Fds.Find(fd) is null ? TreeKind.None : TreeKind.FdLink
            : FdOf(path, FdInfoFolder) is { } info ? process.Fds.Find(info) is null ? TreeKind.None : TreeKind.File
            : (path == StatisticsFolder && _core.Kernel.HasBufferStatistics) || StatisticsOf(path) is (_, "") ? TreeKind.Folder
            : StatisticsText(path) is not null ? TreeKind.File
            : TreeKind.None;
    }

    /// <summary>True for a folder whose whole content is the guest's, so that a name in it that the guest does not have does not exist.</summary>
    public bool Owns(string path)
    {
        using Lock.Scope held = _gate.Hold();
        return Table.Names(path) is not null
            || path == StatisticsFolder || path.StartsWith(StatisticsFolder + "/", StringComparison.Ordinal);
    }

    /// <summary>open of a node or of <c>/proc/self/fd/N</c>.</summary>
    /// <param name="process">The caller; its user has to have the rights.</param>
    /// <param name="path">Absolute path.</param>
    /// <param name="flags">O_* bits.</param>
    /// <returns>ENOENT, EEXIST, ENOTDIR, EACCES, EINVAL (O_DIRECT), EBUSY, EMFILE; ENXIO for a dma-buf opened anew (S-BUF-11).</returns>
    public Result<int> Open(GuestProcess process, string path, uint flags)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        path = Table.Follow(path, (flags & OpenFlags.NoFollow) == 0);
        GuestFile? present = FdOf(path, FdFolder) is { } fd ? process.Fds.Find(fd) : null;
        string place = present is null or PathFile || present.RawDevice == 0 ? path : present.LinkTarget;
        return Table.Find(place) is { Open: not null } item ? OpenNode(process, item, place, flags)
            : present is not null ? Reopen(process, present, flags)
            : Table.Find(path) is { Kind: TreeKind.Link } ? Refused(Errno.ELOOP, process, path, flags)
            : NoEntry("open", path);
    }

    /// <summary>
    /// The checks of an open that is not <see cref="Open"/>'s: of a text, a stream, a folder. Null: it may be opened so.
    /// </summary>
    /// <returns>ENOENT, EEXIST, ENOTDIR, EISDIR, EACCES; ELOOP for a link that is not followed.</returns>
    public Failure? CheckOpen(GuestProcess process, string path, uint flags)
    {
        using Lock.Scope held = _gate.Hold();
        path = Table.Follow(path, (flags & OpenFlags.NoFollow) == 0);
        TreeKind kind = Kind(process, path);
        if (kind == TreeKind.None)
        {
            return NoEntry("open", path);
        }

        InodeAttributes attributes = Table.Find(path)?.Attributes
            ?? new InodeAttributes(0) { Permissions = kind == TreeKind.Folder ? FolderPermissions : ReadableByAll };
        var access = (AccessMode)(flags & OpenFlags.AccessMode);
        bool writes = access != AccessMode.ReadOnly;
        Errno refused =
            (flags & (OpenFlags.Create | OpenFlags.Exclusive)) == (OpenFlags.Create | OpenFlags.Exclusive) ? Errno.EEXIST
            : kind == TreeKind.Folder && (writes || (flags & OpenFlags.Create) != 0) ? Errno.EISDIR
            : kind != TreeKind.Folder && (flags & OpenFlags.Directory) != 0 ? Errno.ENOTDIR
            : kind == TreeKind.Link ? (flags & OpenFlags.PathOnly) == 0 ? Errno.ELOOP : Errno.None
            : HiddenFrom(process, path) || !attributes.Allows(process.Uid, process.Gid, access) ? Errno.EACCES
            : Errno.None;
        return refused == Errno.None ? null : Refused(refused, process, path, flags);
    }

    /// <summary>open of a character device of the dma_heap region by number, as a node that somebody made with mknod: ENODEV without a heap.</summary>
    public Result<int> OpenMinor(GuestProcess process, uint minor, uint flags)
    {
        using CallScope call = _gate.Enter(process);
        return call.Refused is { } dead ? dead
            : _guest.Heaps.Registry.FindMinor(minor) is { } node ? OpenNode(process, Table.Find(node.Path)!, node.Path, flags)
            : new Failure(Errno.ENODEV, "open", "look up minor", $"No heap has minor number {minor} (S-HEAP-04).", "minor");
    }

    /// <summary>stat by path, or lstat: ENOENT for what is not there.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="path">Absolute path.</param>
    /// <param name="follow">Whether a link at the end of the path is followed.</param>
    public Result<FileStat> Stat(GuestProcess process, string path, bool follow = true)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        path = Table.Follow(path, follow);
        if (Table.Find(path) is { } item)
        {
            InodeAttributes inode = item.Attributes;
            return new FileStat(item.Inode, GuestFiles.DeviceOf(path), inode.Type | inode.Permissions, item.Kind == TreeKind.Folder ? Table.LinksOf(path) : 1U, inode.Uid,
                inode.Gid, item.RawDevice, item.Size, 0);
        }

        if (FdOf(path, FdFolder) is { } fd && process.Fds.Find(fd) is { } file)
        {
            return GuestFiles.StatOf(file);
        }

        return Kind(process, path) switch
        {
            TreeKind.Folder => Plain(path, InodeAttributes.Directory | FolderPermissions),
            TreeKind.File => Plain(path, InodeAttributes.RegularFile | ReadableByAll),
            _ => NoEntry("stat", path),
        };
    }

    /// <summary>readlink: where a link leads, as it is written. ENOENT; EINVAL for what is no link.</summary>
    public Result<string> ReadLink(GuestProcess process, string path)
    {
        using CallScope call = _gate.Enter(process);
        path = Table.Follow(path, last: false);
        return call.Refused is { } dead ? dead
            : Table.Find(path)?.Target is { } target ? target
            : Kind(process, path) == TreeKind.None ? NoEntry("readlink", path)
            : new Failure(Errno.EINVAL, "readlink", "check kind", $"'{Short(path)}' is no link.", "path");
    }

    /// <summary>Names in a folder; their order means nothing. ENOENT.</summary>
    public Result<string[]> List(GuestProcess process, string path)
    {
        Result<TreeEntry[]> entries = Entries(process, path);
        return entries.Ok ? Array.ConvertAll(entries.Value, e => e.Name) : entries.Failure;
    }

    /// <summary>Entries of a folder, without "." and ".."; their order means nothing. ENOENT; ENOTDIR for what is no folder.</summary>
    public Result<TreeEntry[]> Entries(GuestProcess process, string path)
    {
        _core.Hooks.RefreshNatives?.Invoke();
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        path = Table.Follow(path, last: true);
        if (Table.Names(path) is { } names)
        {
            return EntriesOf(path, names);
        }

        return Kind(process, path) switch
        {
            TreeKind.None => NoEntry("opendir", path),
            TreeKind.Folder => StatisticsEntries(path),
            _ => new Failure(Errno.ENOTDIR, "opendir", "check kind", $"'{Short(path)}' is no folder.", "path"),
        };
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
    public Result<byte[]> ReadText(GuestProcess process, string path)
    {
        _core.Hooks.RefreshNatives?.Invoke();
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        path = Table.Follow(path, last: true);
        if (FdOf(path, FdInfoFolder) is { } fd && process.Fds.Find(fd) is not null)
        {
            return _guest.Files.FdInfo(process, fd);
        }

        if (HiddenFrom(process, path))
        {
            return new Failure(Errno.EACCES, "open", "check mode", "debugfs is root's alone.", "path");
        }

        return (Table.Find(path)?.Text?.Invoke() ?? StatisticsText(path)) is { } text ? Encoding.Latin1.GetBytes(text) : NoEntry("open", path);
    }

    private TreeEntry[] EntriesOf(string folder, IReadOnlyCollection<string> names) =>
    [
        .. names.Select(n => (Name: n, Item: Table.Find($"{folder}/{n}")!)).Select(e => new TreeEntry(e.Name, e.Item.Inode, e.Item.Kind, e.Item.DirentType)),
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

        // Held here until the fd holds it, so that a table without room lets go of what the open made.
        GuestFile file = item.Open!(process, access);
        file.StatusFlags = (flags & OpenFlags.Kept) | OpenFlags.LargeFile;
        file.References++;
        Result<int> fd = GuestFiles.Install(process, file, (flags & OpenFlags.CloseOnExec) != 0, "open");
        GuestFiles.Put(file);
        return fd;
    }

    // The pseudo file system of dma-bufs opens nothing: only a reference to the place can be had (S-BUF-11).
    private static Result<int> Reopen(GuestProcess process, GuestFile file, uint flags)
    {
        GuestFile named = file is PathFile path ? path.Named : file;
        if ((flags & OpenFlags.PathOnly) == 0)
        {
            return new Failure(Errno.ENXIO, "open", "open file", $"A {named.Kind} cannot be opened anew (S-BUF-11).", "path");
        }

        return OpenPath(process, named, flags);
    }

    private static Result<int> OpenPath(GuestProcess process, GuestFile named, uint flags)
    {
        Result<int> fd = GuestFiles.Install(process, new PathFile(named), (flags & OpenFlags.CloseOnExec) != 0, "open");
        named.References += fd.Ok ? 1 : 0;
        return fd;
    }

    private static bool HiddenFrom(GuestProcess process, string path) => process.Uid != 0 && path.StartsWith(DebugFolder, StringComparison.Ordinal);

    private static FileStat Plain(string path, uint mode) => new(1, GuestFiles.DeviceOf(path), mode, 1, 0, 0, 0, 0, 0);

    private TreeEntry[] StatisticsEntries(string path) => path == StatisticsFolder
        ? [.. _guest.Buffers.LiveInodes.Select(i => new TreeEntry(i.ToString(CultureInfo.InvariantCulture), i, TreeKind.Folder, DirentFolder))]
        : [new("exporter_name", 1, TreeKind.File, DirentFile), new("size", 1, TreeKind.File, DirentFile)];

    private string? StatisticsText(string path) => StatisticsOf(path) switch
    {
        (DmaBuf buffer, "exporter_name") => $"{buffer.Exporter.Name}\n",
        (DmaBuf buffer, "size") => string.Create(CultureInfo.InvariantCulture, $"{buffer.Size}\n"),
        _ => null,
    };

    // The buffer whose statistics a path names, and the file in its folder: empty for the folder itself (S-BUF-104).
    private (DmaBuf Buffer, string File)? StatisticsOf(string path)
    {
        if (!_core.Kernel.HasBufferStatistics || !path.StartsWith(StatisticsFolder + "/", StringComparison.Ordinal))
        {
            return null;
        }

        string[] parts = path[(StatisticsFolder.Length + 1)..].Split('/', 2);
        return ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode) && _guest.Buffers.FindLive(inode) is { } buffer
            ? (buffer, parts.Length == 1 ? "" : parts[1])
            : null;
    }

    private static int? FdOf(string path, string folder) =>
        path.StartsWith(folder + "/", StringComparison.Ordinal)
        && int.TryParse(path.AsSpan(folder.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int fd) ? fd : null;

    private static Failure Refused(Errno errno, GuestProcess process, string path, uint flags) =>
        new(errno, "open", "check flags", $"{Short(path)} cannot be opened with flags 0x{flags:x} by user {process.Uid}.", "flags");

    private static Failure NoEntry(string operation, string path) =>
        new(Errno.ENOENT, operation, "look up path", $"There is no '{Short(path)}' in this guest.", "path");

    private static string Short(string path) => path.Length <= 128 ? path : path[..128] + "…";
}
