namespace CocoGuest.Machine.Files;

/// <summary>The file system that an inode of the guest is on (S-BUF-12).</summary>
/// <param name="Device">st_dev and mnt_id: the number that this emulator gives it.</param>
/// <param name="Magic">f_type.</param>
internal sealed record FileSystem(uint Device, uint Magic)
{
    /// <summary>devtmpfs: nodes of /dev.</summary>
    public static readonly FileSystem Nodes = new(5, FileSystemStat.TmpfsMagic);

    /// <summary>debugfs.</summary>
    public static readonly FileSystem Debug = new(7, FileSystemStat.DebugfsMagic);

    /// <summary>The file system of dma-bufs.</summary>
    public static readonly FileSystem DmaBufs = new(13, FileSystemStat.DmaBufMagic);

    /// <summary>The one inode of anonymous files.</summary>
    public static readonly FileSystem Anonymous = new(14, FileSystemStat.AnonInodeMagic);
}
