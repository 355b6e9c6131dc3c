using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Devices;

/// <summary>Pages that a driver took from the page allocator, to map them.</summary>
internal sealed class DriverPages(Chunk block, ulong bytes)
{
    public Chunk Block => block;

    /// <summary>Bytes, whole pages.</summary>
    public ulong Bytes => bytes;

    /// <summary>Live streaming mappings that touch them.</summary>
    public int Mappings { get; set; }

    public bool Contains(ulong phys, ulong size) => phys >= block.Address && size <= bytes && phys - block.Address <= bytes - size;
}
