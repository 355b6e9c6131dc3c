namespace CocoGuest.Machine.Devices;

/// <summary>A mapped scatter list, as the driver knows it.</summary>
/// <param name="Id">Number of the mapping, for sync and unmap.</param>
/// <param name="Addresses">DMA address of each entry; none for a device without mask (S-DMA-53).</param>
/// <param name="Bounced">Entries that lie in a bounce pool.</param>
public sealed record DmaScatter(ulong Id, IReadOnlyList<ulong> Addresses, int Bounced);
