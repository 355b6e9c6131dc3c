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
    internal const uint SysfsMagic = 0x62656572;
    internal const uint TracefsMagic = 0x74726163;
    private const uint PageSize = 4096;
    private const uint Longest = 255;

    internal static FileSystemStat Of(FileSystem system) => new(system.Magic, PageSize, Longest);

    // By the folder that the file system is mounted on; the longest comes first.
    private static readonly (string Folder, uint Magic)[] Mounts =
    [
        ("/sys/kernel/debug/tracing/", TracefsMagic), ("/sys/kernel/tracing/", TracefsMagic),
        ("/sys/kernel/debug/", DebugfsMagic), ("/sys/", SysfsMagic),
    ];

    internal static FileSystemStat Of(string path) =>
        new(Mounts.FirstOrDefault(m => path.StartsWith(m.Folder, StringComparison.Ordinal), (Folder: "", Magic: TmpfsMagic)).Magic,
            PageSize, Longest);
}
