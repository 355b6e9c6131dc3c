using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// A device attached to a dma-buf, with its own copy of the scatter table (S-SYS-40). Static, or dynamic if the importer gave
/// importer ops (S-BUF-43). The importer that made it holds a reference on the buffer until detach (S-BUF-42).
/// </summary>
internal sealed class Attachment
{
    public Attachment(ulong id, DmaBuf buffer, GuestDevice device, GuestProcess owner, ImporterOps ops)
    {
        Id = id;
        Buffer = buffer;
        GuestDevice = device;
        Owner = owner;
        Ops = ops;
    }

    public ulong Id { get; }

    public DmaBuf Buffer { get; }

    public GuestDevice GuestDevice { get; }

    public DmaDevice Device => GuestDevice.Dma;

    public GuestProcess Owner { get; }

    /// <summary>What the importer gave at attach.</summary>
    public ImporterOps Ops { get; }

    /// <summary>True with importer ops (S-BUF-43).</summary>
    public bool IsDynamic => Ops != ImporterOps.None;

    /// <summary>Attach mapped it and keeps the table until detach (S-BUF-47).</summary>
    public bool Cached { get; set; }

    /// <summary>Explicit pins of a dynamic importer (S-BUF-55).</summary>
    public uint Pins { get; set; }

    /// <summary>The live mapping of a static attachment pinned the buffer (S-BUF-50).</summary>
    public bool PinnedByMap { get; set; }

    /// <summary>The importer did not answer an invalidation: it cannot map any more (as S-PIN-34).</summary>
    public bool Revoked { get; set; }

    /// <summary>Counts mappings, so that a late undo hits only its own.</summary>
    public ulong MapNumber { get; set; }

    /// <summary>DMA address of each chunk while mapped. Each mapping has a table of its own, which nobody changes afterwards.</summary>
    public ulong[] DmaAddresses { get; set; } = [];

    /// <summary>The importer holds a mapping.</summary>
    public bool Mapped { get; set; }

    /// <summary>The device's addresses are live: while mapped, and until detach where the exporter keeps mappings (S-BUF-53).</summary>
    public bool Live { get; set; }

    /// <summary>Direction of the live mapping.</summary>
    public DmaDirection Direction { get; set; }

    /// <summary>
    /// Segments of the live mapping that lie in swiotlb: entries are judged one by one, so a table may bounce in parts (S-DMA-50).
    /// </summary>
    public int BouncedSegments { get; set; }

    /// <summary>True when the live mapping went through swiotlb, at least in parts.</summary>
    public bool Bounced => BouncedSegments != 0;
}
