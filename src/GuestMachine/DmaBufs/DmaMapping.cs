using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>What MapDmaBuf gives: one DMA segment a chunk (S-BUF-57).</summary>
public readonly struct DmaMapping
{
    // Immutable both: an unmap and a new map meanwhile do not show here.
    private readonly ulong[] _addresses;
    private readonly SgEntry[] _segments;

    internal DmaMapping(Attachment attachment, VisibleBacking? backing)
    {
        _addresses = attachment.DmaAddresses;
        _segments = attachment.Buffer.Segments;
        Backing = backing;
        Bounced = attachment.Bounced;
    }

    /// <summary>True when swiotlb slots stand in for the pages: the device sees a snapshot (S-SYS-62).</summary>
    public bool Bounced { get; }

    /// <summary>The memfd that a mapped device may use; null for mediated devices and bounced or private memory.</summary>
    public VisibleBacking? Backing { get; }

    /// <summary>
    /// A static attachment may use the table when this completes well; null: at once. Interrupted, it is not mapped (S-BUF-50).
    /// </summary>
    public FenceWait? Wait { get; init; }

    /// <summary>Number of segments.</summary>
    public int Count => _addresses.Length;

    /// <summary>DMA address of a segment.</summary>
    public ulong AddressOf(int segment) => _addresses[segment];

    /// <summary>Bytes of a segment.</summary>
    public ulong LengthOf(int segment) => _segments[segment].Length;
}
