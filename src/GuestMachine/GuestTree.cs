using System.Globalization;
using System.Text;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Heaps;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <summary>
/// What programs find by path: heap nodes, their sysfs entries, dma-buf statistics, debugfs, fds of the process.
/// Models: open, stat, listing and text of these (S-HEAP-01, 04, 05, 53, S-BUF-101 to 104). Does not model: any other path, symbolic links.
/// </summary>
public sealed class GuestTree
{
    private const string FdFolder = "/proc/self/fd";
    private const string FdInfoFolder = "/proc/self/fdinfo";
    private const string ClassFolder = "/sys/class/dma_heap";
    private const string StatisticsFolder = "/sys/kernel/dmabuf/buffers";
    private const string AccountingParameter = "/sys/module/dma_heap/parameters/mem_accounting";
    private const string BufInfoFile = "/sys/kernel/debug/dma_buf/bufinfo";
    private const uint FolderPermissions = 0x1ed;
    private const uint ReadableByAll = 0x124;
    private const uint PathOnlyFlags = OpenFlags.Directory | OpenFlags.PathOnly | OpenFlags.CloseOnExec;
    private readonly Guest _guest;

    internal GuestTree(Guest guest) => _guest = guest;

    /// <summary>open of a heap node or of <c>/proc/self/fd/N</c>.</summary>
    /// <param name="process">The caller; its user has to have the rights.</param>
    /// <param name="path">Absolute path.</param>
    /// <param name="flags">O_* bits.</param>
    /// <returns>ENOENT, EEXIST, ENOTDIR, EACCES, EINVAL (O_DIRECT), EMFILE; ENXIO for a dma-buf opened anew (S-BUF-11).</returns>
    public Result<int> Open(GuestProcess process, string path, uint flags)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            GuestFile? present = FdOf(path, FdFolder) is { } fd ? process.Fds.Find(fd) : null;
            HeapNode? node = present is HeapDeviceFile device ? device.Node : NodeAt(path, HeapNode.Folder);
            return node is not null ? OpenNode(process, node, flags)
                : present is not null ? Reopen(process, present, flags)
                : NoEntry("open", path);
        }
    }

    /// <summary>open of a character device of the dma_heap region by number, as a node that somebody made with mknod: ENODEV without a heap.</summary>
    public Result<int> OpenMinor(GuestProcess process, uint minor, uint flags)
    {
        lock (_guest.Gate)
        {
            return _guest.CheckAlive(process) is { } dead ? dead
                : _guest.Heaps.Registry.FindMinor(minor) is { } node ? OpenNode(process, node, flags)
                : new Failure(Errno.ENODEV, "open", "look up minor", $"No heap has minor number {minor} (S-HEAP-04).", "minor");
        }
    }

    /// <summary>stat by path: ENOENT for what is not there.</summary>
    public Result<FileStat> Stat(GuestProcess process, string path)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            if (NodeAt(path, HeapNode.Folder) is { } node)
            {
                return GuestFiles.StatOf(new HeapDeviceFile(node, AccessMode.ReadOnly));
            }

            if (FdOf(path, FdFolder) is { } fd && process.Fds.Find(fd) is { } file)
            {
                return GuestFiles.StatOf(file);
            }

            return Entries(path) is not null ? Plain(InodeAttributes.Directory | FolderPermissions, 0)
                : TextOf(path) is { } text ? Plain(InodeAttributes.RegularFile | ReadableByAll, (ulong)text.Length)
                : NoEntry("stat", path);
        }
    }

    /// <summary>Names in a folder; their order means nothing. ENOENT.</summary>
    public Result<string[]> List(GuestProcess process, string path)
    {
        _guest.Natives.Refresh();
        lock (_guest.Gate)
        {
            return _guest.CheckAlive(process) is { } dead ? dead
                : Entries(path) is { } entries ? entries
                : NoEntry("opendir", path);
        }
    }

    /// <summary>The whole text of a file of sysfs, debugfs or procfs, as bytes. ENOENT; EACCES for bufinfo without root.</summary>
    public Result<byte[]> ReadText(GuestProcess process, string path)
    {
        _guest.Natives.Refresh();
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            if (FdOf(path, FdInfoFolder) is { } fd && process.Fds.Find(fd) is not null)
            {
                return _guest.Files.FdInfo(process, fd);
            }

            if (path == BufInfoFile && process.Uid != 0)
            {
                return new Failure(Errno.EACCES, "open", "check mode", "debugfs is root's alone.", "path");
            }

            return TextOf(path) is { } text ? Encoding.Latin1.GetBytes(text) : NoEntry("open", path);
        }
    }

    private static Result<int> OpenNode(GuestProcess process, HeapNode node, uint flags)
    {
        bool byPath = (flags & OpenFlags.PathOnly) != 0;
        flags = byPath ? flags & PathOnlyFlags : flags;
        var access = (AccessMode)(flags & OpenFlags.AccessMode);
        Errno refused =
            (flags & (OpenFlags.Create | OpenFlags.Exclusive)) == (OpenFlags.Create | OpenFlags.Exclusive) ? Errno.EEXIST
            : (flags & OpenFlags.Directory) != 0 ? Errno.ENOTDIR
            : !byPath && !node.Attributes.Allows(process.Uid, process.Gid, access) ? Errno.EACCES
            : (flags & OpenFlags.Direct) != 0 ? Errno.EINVAL
            : Errno.None;
        if (refused != Errno.None)
        {
            return new Failure(refused, "open", "check flags", $"{node.Path} cannot be opened with flags 0x{flags:x} by user {process.Uid}.", "flags");
        }

        // A 64-bit program's open by path is always one for large files.
        var file = new HeapDeviceFile(node, access) { StatusFlags = (flags & OpenFlags.Kept) | OpenFlags.LargeFile };
        return byPath ? OpenPath(process, file, flags) : GuestFiles.Install(process, file, (flags & OpenFlags.CloseOnExec) != 0, "open");
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

    private static FileStat Plain(uint mode, ulong size) => new(1, 0, mode, 1, 0, 0, 0, size, 0);

    // Null: no such folder.
    private string[]? Entries(string path) => path switch
    {
        HeapNode.Folder or ClassFolder => [.. _guest.Heaps.Nodes.Select(n => n.Name)],
        StatisticsFolder when _guest.Kernel.HasBufferStatistics => [.. _guest.Buffers.LiveInodes.Select(i => i.ToString(CultureInfo.InvariantCulture))],
        _ => StatisticsOf(path) is (_, "") ? ["exporter_name", "size"] : null,
    };

    // Null: no such file.
    private string? TextOf(string path)
    {
        if (path == BufInfoFile)
        {
            return _guest.Buffers.BufInfo;
        }

        if (path == AccountingParameter)
        {
            return !_guest.Kernel.HasMemoryAccounting ? null : _guest.Shape.MemAccounting ? "Y\n" : "N\n";
        }

        const string uevent = "/uevent";
        return path.EndsWith(uevent, StringComparison.Ordinal) ? NodeAt(path[..^uevent.Length], ClassFolder)?.Uevent
            : StatisticsOf(path) switch
            {
                (DmaBuf buffer, "exporter_name") => $"{buffer.Exporter.Name}\n",
                (DmaBuf buffer, "size") => string.Create(CultureInfo.InvariantCulture, $"{buffer.Size}\n"),
                _ => null,
            };
    }

    // The buffer whose statistics a path names, and the file in its folder: empty for the folder itself (S-BUF-104).
    private (DmaBuf Buffer, string File)? StatisticsOf(string path)
    {
        if (!_guest.Kernel.HasBufferStatistics || !path.StartsWith(StatisticsFolder + "/", StringComparison.Ordinal))
        {
            return null;
        }

        string[] parts = path[(StatisticsFolder.Length + 1)..].Split('/', 2);
        return ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode) && _guest.Buffers.FindLive(inode) is { } buffer
            ? (buffer, parts.Length == 1 ? "" : parts[1])
            : null;
    }

    private HeapNode? NodeAt(string path, string folder) =>
        path.StartsWith(folder + "/", StringComparison.Ordinal) ? _guest.Heaps.Registry.Find(path[(folder.Length + 1)..]) : null;

    private static int? FdOf(string path, string folder) =>
        path.StartsWith(folder + "/", StringComparison.Ordinal)
        && int.TryParse(path.AsSpan(folder.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int fd) ? fd : null;

    private static Failure NoEntry(string operation, string path) =>
        new(Errno.ENOENT, operation, "look up path", $"There is no '{(path.Length <= 128 ? path : path[..128] + "…")}' in this guest.", "path");
}
