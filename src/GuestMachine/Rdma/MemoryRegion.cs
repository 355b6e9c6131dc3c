using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Rdma;

/// <summary>A registered memory region (S-RDMA-06, 30).</summary>
/// <param name="Key">lkey and rkey.</param>
/// <param name="Pd">Its protection domain.</param>
/// <param name="Iova">First address of the region as work requests name it.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Entries">
/// Addresses and lengths that the device uses, in order: DMA addresses, cut to the pages of the range (S-PIN-31); for a software device,
/// guest-physical pages.
/// </param>
public sealed record MemoryRegion(uint Key, uint Pd, ulong Iova, ulong Length, IReadOnlyList<SgEntry> Entries);
