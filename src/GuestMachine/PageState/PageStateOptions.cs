using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState;

/// <summary>What a tracker is made from.</summary>
public sealed class PageStateOptions
{
    /// <summary>The platform.</summary>
    public required Platform Platform { get; init; }

    /// <summary>Frames of guest-physical space, from frame 0; at most 2^30 (4 TiB).</summary>
    public required ulong Frames { get; init; }

    /// <summary>ASID in the RMP entries; 1..1023 (S-ENC-07).</summary>
    public uint Asid { get; init; } = 1;

    /// <summary>The host.</summary>
    public IHypervisor Hypervisor { get; init; } = ObedientHypervisor.Instance;

    /// <summary>Takes the kernel's warnings (S-SETM-11), one line without line end.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>Told of frames that change sides.</summary>
    public IConversionObserver? Observer { get; init; }

    /// <summary>
    /// AMD: KVM offers the migration-control feature, so the guest makes the hypercall of S-SEV-03. Default: SEV yes, SNP no (there the
    /// page state change tells the host already).
    /// </summary>
    public bool? MigrationControl { get; init; }

    /// <summary>AMD: the CPU keeps caches coherent across the C-bit (SME_COHERENT), so step 2 flushes no caches (S-SETM-12).</summary>
    public bool CoherentAcrossCBit { get; init; } = true;

    /// <summary>SNP: frames that launch left immutable, firmware or VMSA (S-SNP-08); an attempt to convert them ends the guest.</summary>
    public FrameRange LaunchPages { get; init; }

    /// <summary>The run-time switch of <see cref="Platform.Lab"/>.</summary>
    internal PlatformClaim Claim { get; init; } = new();

    /// <summary>Failures to order.</summary>
    internal IConversionFaults Faults { get; init; } = NoConversionFaults.Instance;
}
