using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Dma;

/// <summary>
/// One row of S-DMA-10 and S-DMA-12: what the DMA layer asks a platform. The same for all kernels on the platforms modelled.
/// </summary>
/// <param name="MemEncrypt"><c>CC_ATTR_MEM_ENCRYPT</c>.</param>
/// <param name="HostMemEncrypt"><c>CC_ATTR_HOST_MEM_ENCRYPT</c>.</param>
/// <param name="GuestMemEncrypt"><c>CC_ATTR_GUEST_MEM_ENCRYPT</c>.</param>
/// <param name="GuestStateEncrypt"><c>CC_ATTR_GUEST_STATE_ENCRYPT</c>.</param>
/// <param name="PrivateHasCBit">A private DMA address carries the C-bit.</param>
public sealed record PlatformDmaTraits(
    bool MemEncrypt, bool HostMemEncrypt, bool GuestMemEncrypt, bool GuestStateEncrypt, bool PrivateHasCBit)
{
    // TDX: the shared bit lives in page tables only, never in a DMA address (S-DMA-13).
    private static readonly PlatformDmaTraits[] Rows =
    [
        /* None   */ new(false, false, false, false, false),
        /* Sev    */ new(true, false, true, false, true),
        /* SevSnp */ new(true, false, true, true, true),
        /* Tdx    */ new(true, false, true, false, false),
        /* Lab    */ new(true, false, true, false, false),
    ];

    /// <summary>The row of a platform.</summary>
    public static PlatformDmaTraits Of(Platform platform) => Rows[(int)platform];
}
