namespace CocoGuest.Machine.Devices;

/// <summary>A new pool, as the driver knows it.</summary>
/// <param name="Id">Number of the pool.</param>
/// <param name="BlockSize">Bytes of a block, rounded up to the alignment (S-DMA-90).</param>
/// <param name="Boundary">No block crosses a multiple of it.</param>
public sealed record DmaPoolInfo(ulong Id, uint BlockSize, uint Boundary);
