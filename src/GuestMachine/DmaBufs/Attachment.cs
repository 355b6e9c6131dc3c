using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// A device attached to a dma-buf, with its own copy of the scatter table (S-SYS-40). Static attachments only: heap exporters never move
/// (S-SYS-51). The importer that made it holds a reference on the buffer until detach (S-BUF-42).
/// </summary>
internal sealed class Attachment
{
    public Attachment(ulong id, DmaBuf buffer, GuestDevice device, GuestProcess owner)
    {
        Id = id;
        Buffer = buffer;
        GuestDevice = device;
        Owner = owner;
    }

    public ulong Id { get; }

    public DmaBuf Buffer { get; }

    public GuestDevice GuestDevice { get; }

    public DmaDevice Device => GuestDevice.Dma;

    public GuestProcess Owner { get; }

    /// <summary>DMA address of each chunk while mapped. Each mapping has a table of its own, which nobody changes afterwards.</summary>
    public ulong[] DmaAddresses { get; set; } = [];

    /// <summary>The importer holds a mapping.</summary>
    public bool Mapped { get; set; }

    /// <summary>The device's addresses are live: while mapped, and until detach where the exporter keeps mappings (S-BUF-53).</summary>
    public bool Live { get; set; }

    /// <summary>Direction of the live mapping.</summary>
    public DmaDirection Direction { get; set; }

    /// <summary>Segments of the live mapping that lie in swiotlb: entries are judged one by one, so a table may bounce in parts (S-DMA-50).</summary>
    public int BouncedSegments { get; set; }

    /// <summary>True when the live mapping went through swiotlb, at least in parts.</summary>
    public bool Bounced => BouncedSegments != 0;
}
