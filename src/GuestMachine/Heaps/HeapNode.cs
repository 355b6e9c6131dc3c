using System.Globalization;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Heaps;

/// <summary>A registered heap: its character device and what stands behind it (S-HEAP-01).</summary>
/// <param name="info">Name, minor number, flags.</param>
/// <param name="heap">Where the memory comes from.</param>
/// <param name="exporter">Exporter of its buffers.</param>
/// <param name="inode">Inode number of the node.</param>
internal sealed class HeapNode(HeapInfo info, Heap heap, Exporter exporter, ulong inode)
{
    /// <summary>Where the nodes are.</summary>
    public const string Folder = "/dev/dma_heap";

    /// <summary>The dynamic major number that this emulator gives the chrdev region.</summary>
    public const uint Major = 251;

    private const int MajorShift = 8;

    /// <summary>Name, minor number, flags.</summary>
    public HeapInfo Info { get; } = info;

    /// <summary>Where the memory comes from.</summary>
    public Heap Heap { get; } = heap;

    /// <summary>Exporter of its buffers.</summary>
    public Exporter Exporter { get; } = exporter;

    /// <summary>Inode number of the node.</summary>
    public ulong Inode { get; } = inode;

    /// <summary>Mode and owner of the node: 0600, root (S-HEAP-05).</summary>
    public InodeAttributes Attributes { get; } = new(InodeAttributes.CharacterDevice);

    /// <summary>Path of the node.</summary>
    public string Path => $"{Folder}/{Info.Name}";

    /// <summary>st_rdev.</summary>
    public uint RawDevice => (Major << MajorShift) | Info.Minor;

    /// <summary>Text of <c>/sys/class/dma_heap/NAME/uevent</c>.</summary>
    public string Uevent =>
        string.Create(CultureInfo.InvariantCulture, $"MAJOR={Major}\nMINOR={Info.Minor}\nDEVNAME=dma_heap/{Info.Name}\n");
}
