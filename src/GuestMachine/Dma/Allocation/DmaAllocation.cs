using CocoGuest.Machine.Dma.Mapping;

namespace CocoGuest.Machine.Dma.Allocation;

/// <summary>Memory from one of the <c>dma_alloc_*</c> calls, as the driver knows it.</summary>
/// <param name="Id">Number of the allocation, for access, mmap and free.</param>
/// <param name="Kind">Which call made it: Alloc, AllocPages or AllocSgt.</param>
/// <param name="DmaAddress">Address for the device.</param>
/// <param name="Phys">Guest-physical address.</param>
/// <param name="Virtual">Kernel address; with NO_KERNEL_MAPPING a cookie that cannot be followed.</param>
/// <param name="Size">Bytes as asked for.</param>
/// <param name="Source">Where the memory came from.</param>
/// <param name="Shared">The memory is shared with the host (S-DMA-60).</param>
public sealed record DmaAllocation(
    ulong Id, DmaAllocationKind Kind, ulong DmaAddress, ulong Phys, ulong Virtual, ulong Size, DmaMemorySource Source, bool Shared);
