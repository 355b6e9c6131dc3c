using CocoGuest.Machine.Dma.Allocation;

namespace CocoGuest.Machine.Devices;

/// <summary>
/// A pool of small blocks of coherent memory (S-DMA-90 to 92): pages are taken when no block is free, and kept until the pool goes.
/// Models: size, alignment, boundary, the order of blocks. Does not model: the links of free blocks, which the kernel keeps in the blocks
/// themselves, and what a debugging build writes there.
/// </summary>
internal sealed class DmaPool(GuestDevice device, string name, uint size, uint allocation, uint boundary)
{
    private readonly Stack<DmaPoolBlock> _free = new();
    private readonly Dictionary<ulong, DmaPoolBlock> _active = [];

    public GuestDevice Device => device;

    public string Name => name;

    /// <summary>Bytes of a block.</summary>
    public uint Size => size;

    /// <summary>Bytes of one allocation behind it.</summary>
    public uint Allocation => allocation;

    /// <summary>No block crosses a multiple of it, counted from the start of its page.</summary>
    public uint Boundary => boundary;

    /// <summary>Ids of its allocations, oldest first.</summary>
    public List<ulong> Pages { get; } = [];

    /// <summary>Blocks handed out.</summary>
    public int Active => _active.Count;

    /// <summary>True when the next block takes a new page.</summary>
    public bool IsEmpty => _free.Count == 0;

    /// <summary>Cuts a new page into blocks; the lowest is handed out first.</summary>
    public void Add(DmaAllocation page)
    {
        Pages.Add(page.Id);
        var blocks = new List<DmaPoolBlock>();
        uint next = boundary;
        for (uint offset = 0; offset + size <= allocation;)
        {
            if (offset + size > next)
            {
                offset = next;
                next += boundary;
                continue;
            }

            blocks.Add(new DmaPoolBlock(page.Id, offset, page.DmaAddress + offset));
            offset += size;
        }

        blocks.Reverse();
        blocks.ForEach(_free.Push);
    }

    /// <summary>Hands out the block that was freed last, or the next of the page.</summary>
    public DmaPoolBlock Take()
    {
        DmaPoolBlock block = _free.Pop();
        _active.Add(block.DmaAddress, block);
        return block;
    }

    /// <summary>Takes a block back; false for an address that is none.</summary>
    public bool Give(ulong dmaAddress)
    {
        if (!_active.Remove(dmaAddress, out DmaPoolBlock block))
        {
            return false;
        }

        _free.Push(block);
        return true;
    }
}
