using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Allocation;

namespace CocoGuest.Machine.Devices;

/// <summary>An allocation and what the room needs to take it apart.</summary>
internal sealed class DmaHolding(DmaAllocation shown, GuestDevice device, DmaBlock block, DmaDirection direction, DmaAttributes attributes)
{
    public DmaAllocation Shown => shown;

    public GuestDevice Device => device;

    public DmaBlock Block => block;

    public DmaDirection Direction => direction;

    public DmaAttributes Attributes => attributes;

    /// <summary>The pool whose page it is, or null.</summary>
    public ulong? Pool { get; set; }

    /// <summary>User mappings of it.</summary>
    public int Mappings { get; set; }
}
