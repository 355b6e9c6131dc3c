using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Devices;

/// <summary>A live streaming mapping of a driver.</summary>
/// <param name="Entries">What is mapped: one entry, or those of a scatter list.</param>
/// <param name="Addresses">DMA address of each; fewer than entries when a device without mask got none (S-DMA-53).</param>
/// <param name="Direction">Direction.</param>
/// <param name="Attributes">Attributes that it was made with.</param>
internal sealed record DmaStreaming(SgEntry[] Entries, ulong[] Addresses, DmaDirection Direction, DmaAttributes Attributes);
