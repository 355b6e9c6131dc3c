using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Rdma;

/// <summary>What a memory region holds of its guest.</summary>
/// <param name="Owner">Whose region it is.</param>
/// <param name="Shown">As its owner knows it.</param>
/// <param name="Pin">Its pin of user memory, or null.</param>
/// <param name="PinnedBytes">Bytes of the pin that count against the owner's limit.</param>
/// <param name="Attachment">Its attachment to a dma-buf, or null.</param>
/// <param name="Mapped">DMA addresses and lengths of the pinned pages; null where nothing is mapped.</param>
internal readonly record struct RegionHolding(
    GuestProcess Owner, MemoryRegion Shown, ulong? Pin, ulong PinnedBytes, ulong? Attachment, IReadOnlyList<SgEntry>? Mapped);
