using CocoGuest.RdmaImporter.Keys;

namespace CocoGuest.RdmaImporter;

/// <summary>Arguments of REG_DMABUF_MR (S-RDMA-01).</summary>
/// <param name="Pd">Protection domain.</param>
/// <param name="Fd">The dma-buf's fd.</param>
/// <param name="Offset">Where the region starts in the dma-buf.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Iova">First address that requests use.</param>
/// <param name="Access">Access bits.</param>
/// <param name="Cpu">The CPU that maps (S-SWI-26).</param>
/// <param name="MaxPage">Largest translation page.</param>
internal sealed record RegistrationRequest(
    uint Pd, int Fd, ulong Offset, ulong Length, ulong Iova, AccessFlags Access, uint Cpu, ulong MaxPage);
