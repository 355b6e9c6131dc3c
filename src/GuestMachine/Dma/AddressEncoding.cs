namespace CocoGuest.Machine.Dma;

/// <summary>How a platform writes private and shared guest-physical addresses as DMA addresses (S-DMA-12).</summary>
/// <param name="PrivateBits">Bits set in the DMA address of private memory.</param>
/// <param name="SharedBits">Bits set in the DMA address of shared memory.</param>
public readonly record struct AddressEncoding(ulong PrivateBits, ulong SharedBits)
{
    /// <summary><c>phys_to_dma</c>.</summary>
    public ulong Private(ulong phys) => phys | PrivateBits;

    /// <summary><c>phys_to_dma_unencrypted</c>.</summary>
    public ulong Unencrypted(ulong phys) => phys | SharedBits;

    /// <summary><c>dma_to_phys</c>.</summary>
    public ulong Physical(ulong dma) => dma & ~(PrivateBits | SharedBits);
}
