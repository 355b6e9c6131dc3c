using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Dma;

/// <summary>
/// What the DMA layer of one guest knows about its platform (S-DMA-10..19).
/// Models: all rows of S-DMA-10. Does not model: device offset maps, an IOMMU.
/// </summary>
public sealed class DmaEnvironment
{
    /// <summary>C-bit position by default (S-DMA-14).</summary>
    public const int DefaultCBit = 51;

    /// <summary>Width of a realm's address space by default; its top bit is the shared alias (S-DMA-16).</summary>
    public const int DefaultIpaWidth = 48;

    private readonly PlatformDmaTraits _traits;

    /// <summary>The inputs of one guest.</summary>
    /// <param name="platform">The platform.</param>
    /// <param name="kernel">The guest kernel.</param>
    /// <param name="lastRamByte">Guest-physical address of the last byte of RAM.</param>
    /// <param name="cBit">Position of the C-bit; only AMD platforms use it.</param>
    /// <param name="ipaWidth">Width of the guest-physical address space; only realms use it.</param>
    public DmaEnvironment(
        Platform platform, KernelVersion kernel, ulong lastRamByte, int cBit = DefaultCBit, int ipaWidth = DefaultIpaWidth)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ipaWidth, 32);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ipaWidth, 64);
        ArgumentOutOfRangeException.ThrowIfLessThan(cBit, 32);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cBit, 63);
        Platform = platform;
        Kernel = kernel;
        LastRamByte = lastRamByte;
        CBit = cBit;
        _traits = PlatformDmaTraits.Of(platform, kernel);
        Rules = DmaKernelRules.Of(kernel);
        Encoding = new AddressEncoding(_traits.PrivateHasCBit ? 1UL << cBit : 0, _traits.SharedAtTop ? 1UL << (ipaWidth - 1) : 0);
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
    public bool MemEncrypt => _traits.MemEncrypt && Claim.On;

    /// <summary>The kernel is an encrypting host.</summary>
    public bool HostMemEncrypt => _traits.HostMemEncrypt && Claim.On;

    /// <summary>The kernel is a confidential guest.</summary>
    public bool GuestMemEncrypt => _traits.GuestMemEncrypt && Claim.On;

    /// <summary>Start-up makes a default pool because of the platform, and forces bouncing where the kernel has a flag for it.</summary>
    public bool StartupForces => _traits.StartupForces;

    /// <summary>Start-up turns the default pool shared (S-SWI-10).</summary>
    public bool ConvertsPool => MemEncrypt || _traits.ConvertsPool;

    /// <summary>The kernel is one for x86.</summary>
    public bool IsX86 => Platform < Platform.CcaRealm;

    /// <summary>arm64's rules for the default pool hold (S-SWI-86).</summary>
    public bool ArmPool => _traits.Arm;

    /// <summary>The run-time switch of the recordings' platform.</summary>
    internal PlatformClaim Claim { get; init; } = new();

    /// <summary>DMA API debugging is built in: sync calls are never skipped (S-DMA-56). Default true.</summary>
    public bool DmaDebug { get; init; } = true;

    /// <summary>What this kernel's DMA layer does differently from the others.</summary>
    public DmaKernelRules Rules { get; }

    /// <summary><c>force_dma_unencrypted</c> of a T=0 device (S-DMA-19).</summary>
    /// <param name="coherentLimit">Smaller non-zero one of coherent mask and bus limit.</param>
    public bool ForceDmaUnencrypted(ulong coherentLimit) =>
        (_traits.ForcesUnencrypted && Claim.On) || (HostMemEncrypt && coherentLimit <= (1UL << CBit) - 1);
}
