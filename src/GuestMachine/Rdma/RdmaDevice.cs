namespace CocoGuest.Machine.Rdma;

/// <summary>An RDMA device of the guest: a software one (rxe, siw) without a DMA device, or an HCA over a registered device.</summary>
/// <param name="Name">Name of the link or HCA.</param>
/// <param name="DmaDevice">Name of its DMA device; null for a software device.</param>
/// <param name="NeedsBounce">
/// The internal flag cc_dma_bounce: set when the device is registered in a confidential guest (S-RDMA-16).
/// </param>
public sealed record RdmaDevice(string Name, string? DmaDevice, bool NeedsBounce)
{
    /// <summary>A software device has no dma-buf memory regions (S-RDMA-10).</summary>
    public bool HasDmaBufRegions => DmaDevice is not null;
}
