using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Dma;

/// <summary>
/// What the DMA layer of one guest knows about its platform (S-DMA-10..19).
/// Models: x86 without encryption, SEV, SEV-SNP with C-bit, TDX. Does not model: device offset maps, an IOMMU, SME hosts, other
/// architectures.
/// </summary>
public sealed class DmaEnvironment
{
    /// <summary>C-bit position by default (S-DMA-14).</summary>
    public const int DefaultCBit = 51;

    private readonly PlatformDmaTraits _traits;

    /// <summary>The inputs of one guest.</summary>
    /// <param name="platform">The platform.</param>
    /// <param name="kernel">The guest kernel.</param>
    /// <param name="lastRamByte">Guest-physical address of the last byte of RAM.</param>
    /// <param name="cBit">Position of the C-bit; only SEV and SEV-SNP use it.</param>
    public DmaEnvironment(Platform platform, KernelVersion kernel, ulong lastRamByte, int cBit = DefaultCBit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cBit, 32);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cBit, 63);
        Platform = platform;
        Kernel = kernel;
        LastRamByte = lastRamByte;
        CBit = cBit;
        _traits = PlatformDmaTraits.Of(platform);
        Rules = DmaKernelRules.Of(kernel);
        Encoding = new AddressEncoding(_traits.PrivateHasCBit ? 1UL << cBit : 0, 0);
    }

    /// <summary>The platform.</summary>
    public Platform Platform { get; }

    /// <summary>The guest kernel.</summary>
    public KernelVersion Kernel { get; }

    /// <summary>Guest-physical address of the last byte of RAM.</summary>
    public ulong LastRamByte { get; }

    /// <summary>Position of the C-bit (S-DMA-14).</summary>
    public int CBit { get; }

    /// <summary>Address forms (S-DMA-12).</summary>
    public AddressEncoding Encoding { get; }

    /// <summary>Memory encryption of any kind is active.</summary>
    public bool MemEncrypt => _traits.MemEncrypt;

    /// <summary>The kernel is an encrypting host.</summary>
    public bool HostMemEncrypt => _traits.HostMemEncrypt;

    /// <summary>The kernel is a confidential guest.</summary>
    public bool GuestMemEncrypt => _traits.GuestMemEncrypt;

    /// <summary>DMA API debugging is built in: sync calls are never skipped (S-DMA-56). Default true.</summary>
    public bool DmaDebug { get; init; } = true;

    /// <summary>What this kernel's DMA layer does differently from the others.</summary>
    public DmaKernelRules Rules { get; }

    /// <summary><c>force_dma_unencrypted</c> of a T=0 device (S-DMA-19).</summary>
    /// <param name="coherentLimit">Smaller non-zero one of coherent mask and bus limit.</param>
    public bool ForceDmaUnencrypted(ulong coherentLimit) =>
        GuestMemEncrypt || (HostMemEncrypt && coherentLimit <= (1UL << CBit) - 1);
}
