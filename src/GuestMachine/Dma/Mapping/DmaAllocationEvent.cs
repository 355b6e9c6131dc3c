using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>A <c>dma_alloc*</c> or <c>dma_free*</c> trace event (S-TRC-13..15).</summary>
/// <param name="Kind">Which one.</param>
/// <param name="Direction">Direction; BIDIRECTIONAL for plain allocations.</param>
/// <param name="Dma">DMA address; 0 when the allocation failed.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Virtual">Kernel virtual address; 0 when the allocation failed.</param>
/// <param name="Phys">Physical addresses of an sg allocation; empty for the others.</param>
/// <param name="Flags">Names of the allocation flags, as the kernel prints them.</param>
/// <param name="Attributes">DMA attributes.</param>
public sealed record DmaAllocationEvent(
    DmaAllocationKind Kind,
    DmaDirection Direction,
    ulong Dma,
    ulong Size,
    ulong Virtual,
    IReadOnlyList<ulong> Phys,
    string Flags,
    DmaAttributes Attributes);
