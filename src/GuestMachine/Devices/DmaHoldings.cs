namespace CocoGuest.Machine.Devices;

/// <summary>What a process' drivers hold of the DMA API. It goes with the process; a device takes its part along.</summary>
internal sealed class DmaHoldings
{
    /// <summary>Pages to map, by guest-physical address.</summary>
    public SortedDictionary<ulong, DriverPages> Pages { get; } = [];

    /// <summary>Single mappings by device and DMA address; memory that is mapped twice in place has the same address twice.</summary>
    public Dictionary<(GuestDevice Device, ulong Dma), List<DmaStreaming>> Singles { get; } = [];

    /// <summary>Scatter lists by id.</summary>
    public SortedDictionary<ulong, (GuestDevice Device, DmaStreaming List)> Scatters { get; } = [];

    /// <summary>Allocations by id.</summary>
    public SortedDictionary<ulong, DmaHolding> Allocations { get; } = [];

    /// <summary>Pools by id.</summary>
    public SortedDictionary<ulong, DmaPool> Pools { get; } = [];

    /// <summary>Live mappings, single ones and lists.</summary>
    public int Mappings { get; set; }

    /// <summary>The pages that hold a range, or null.</summary>
    public DriverPages? Find(ulong phys, ulong size)
    {
        foreach (DriverPages pages in Pages.Values)
        {
            if (pages.Contains(phys, size))
            {
                return pages;
            }
        }

        return null;
    }
}
