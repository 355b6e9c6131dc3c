namespace CocoGuest.Machine.Files;

/// <summary>What fstatfs tells (S-BUF-12).</summary>
/// <param name="Type">Magic number: 0x444d4142 ("DMAB") for dma-bufs.</param>
/// <param name="BlockSize">Block size, in bytes.</param>
/// <param name="NameLength">Longest file name.</param>
public sealed record FileSystemStat(uint Type, uint BlockSize, uint NameLength)
{
    internal const uint DmaBufMagic = 0x444d4142;
    internal const uint TmpfsMagic = 0x01021994;
    internal const uint AnonInodeMagic = 0x09041934;
    internal const uint DebugfsMagic = 0x64626720;
    private const uint PageSize = 4096;
    private const uint Longest = 255;

    internal static FileSystemStat Of(FileKind kind) => new(
        kind switch { FileKind.DmaBuf => DmaBufMagic, FileKind.Other or FileKind.SyncFile => AnonInodeMagic, FileKind.Timeline => DebugfsMagic, _ => TmpfsMagic }, PageSize, Longest);
}
