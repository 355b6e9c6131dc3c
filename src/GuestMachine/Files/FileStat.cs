namespace CocoGuest.Machine.Files;

/// <summary>What fstat and stat tell (S-BUF-12).</summary>
/// <param name="Inode">Inode number.</param>
/// <param name="Device">Number of the file system: the same for all dma-bufs.</param>
/// <param name="Mode">File type and permission bits.</param>
/// <param name="Links">Link count.</param>
/// <param name="Uid">Owner.</param>
/// <param name="Gid">Group.</param>
/// <param name="RawDevice">st_rdev of a device node.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Blocks">Blocks of 512 bytes.</param>
public sealed record FileStat(ulong Inode, uint Device, uint Mode, uint Links, uint Uid, uint Gid, uint RawDevice, ulong Size, ulong Blocks)
{
    /// <summary>st_blksize.</summary>
    public const uint BlockSize = 4096;
}
