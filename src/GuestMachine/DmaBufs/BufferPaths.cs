using System.Globalization;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Tree;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// The paths that tell of buffers: bufinfo of debugfs (S-BUF-101), and one folder of statistics a buffer in kernels that have them
/// (S-BUF-104).
/// Does not model: <c>/sys/kernel/dmabuf</c> itself, which cannot be listed.
/// </summary>
internal static class BufferPaths
{
    private const string BufInfoFile = "/sys/kernel/debug/dma_buf/bufinfo";
    private const string StatisticsFolder = "/sys/kernel/dmabuf/buffers";
    private const string ExporterFile = "exporter_name";
    private const string SizeFile = "size";
    private const ulong FileInode = 1;
    private const byte DirentFolder = 4;
    private const byte DirentFile = 8;

    /// <summary>Adds them.</summary>
    public static void AddTo(TreeTable table, GuestCore core, GuestBuffers buffers)
    {
        table.AddText(BufInfoFile, () => buffers.BufInfo, TreeTable.ReadableByAll);

        // Where the kernel has none, nothing is there; but it is the guest's nothing, whatever the host has.
        table.AddBranch(StatisticsFolder, path => core.Kernel.HasBufferStatistics ? FindStatistics(buffers, path) : null);
    }

    private static TreeItem? FindStatistics(GuestBuffers buffers, string path)
    {
        if (path.Length == 0)
        {
            return TreeTable.BranchFolder(() => buffers.LiveInodes.Select(FolderEntry));
        }

        string[] parts = path.Split('/', 2);
        if (!ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode) || buffers.FindLive(inode) is null)
        {
            return null;
        }

        return parts.Length == 1 ? TreeTable.BranchFolder(static () => [FileEntry(ExporterFile), FileEntry(SizeFile)])
            : parts[1] == ExporterFile ? TreeTable.BranchText(() => buffers.FindLive(inode) is { } live ? $"{live.Exporter.Name}\n" : null)
            : parts[1] == SizeFile ? TreeTable.BranchText(() => buffers.FindLive(inode) is { } live ? SizeText(live) : null)
            : null;
    }

    private static string SizeText(DmaBuf buffer) => string.Create(CultureInfo.InvariantCulture, $"{buffer.Size}\n");

    private static TreeEntry FolderEntry(ulong inode) =>
        new(inode.ToString(CultureInfo.InvariantCulture), inode, TreeKind.Folder, DirentFolder);

    private static TreeEntry FileEntry(string name) => new(name, FileInode, TreeKind.File, DirentFile);
}
