namespace CocoGuest.Machine.Profiles;

/// <summary>
/// One row of S-DMA-10 and S-DMA-12 with what goes with it: the answers that a kernel gives about its platform.
/// </summary>
/// <param name="MemEncrypt"><c>CC_ATTR_MEM_ENCRYPT</c>.</param>
/// <param name="HostMemEncrypt"><c>CC_ATTR_HOST_MEM_ENCRYPT</c>.</param>
/// <param name="GuestMemEncrypt"><c>CC_ATTR_GUEST_MEM_ENCRYPT</c>.</param>
/// <param name="GuestStateEncrypt"><c>CC_ATTR_GUEST_STATE_ENCRYPT</c>.</param>
/// <param name="PrivateHasCBit">A private DMA address carries the C-bit.</param>
public sealed record PlatformDmaTraits(
    bool MemEncrypt, bool HostMemEncrypt, bool GuestMemEncrypt, bool GuestStateEncrypt, bool PrivateHasCBit)
{
    private static readonly PlatformDmaTraits Plain = new(false, false, false, false, false);
    private static readonly PlatformDmaTraits X86 = new(true, false, true, false, false) { ForcesUnencrypted = true, StartupForces = true };
    private static readonly PlatformDmaTraits Foreign = Plain with { ForcesUnencrypted = true, StartupForces = true, ConvertsPool = true };

    // TDX: the shared bit lives in page tables only, never in a DMA address (S-DMA-13).
    private static readonly PlatformDmaTraits[] Rows =
    [
        /* None       */ Plain,
        /* Sev        */ X86 with { PrivateHasCBit = true },
        /* SevSnp     */ X86 with { PrivateHasCBit = true, GuestStateEncrypt = true },
        /* Tdx        */ X86,
        /* Lab        */ X86,
        /* SevEs      */ X86 with { PrivateHasCBit = true, GuestStateEncrypt = true },
        /* SevSnpVtom */ X86,
        /* SmeHost    */ Plain with { MemEncrypt = true, HostMemEncrypt = true, PrivateHasCBit = true },
        /* CcaRealm   */ Foreign with { MemEncrypt = true, SharedAtTop = true, Arm = true },
        /* Pkvm       */ Plain with { Arm = true },
        /* S390       */ Foreign,
        /* PowerSvm   */ Foreign with { MemEncrypt = true },
    ];

    // 7.3: the other architectures report both attributes (S-UP-13).
    private static readonly PlatformDmaTraits[] RowsOf73 =
    [
        .. Rows.Select((row, at) => at < (int)Platform.CcaRealm
            ? row
            : row with { MemEncrypt = true, GuestMemEncrypt = true, ForcesUnencrypted = true }),
    ];

    // The series ported by hand: only heaps see the claim, start-up and DMA do not (docs/reference/recorded.md).
    private static readonly PlatformDmaTraits HeapsOnly = Plain with { MemEncrypt = true };

    /// <summary><c>force_dma_unencrypted</c> holds for every ordinary device (S-DMA-19). An SME host decides by mask instead.</summary>
    public bool ForcesUnencrypted { get; init; }

    /// <summary>
    /// Start-up code makes a default pool and passes the force flag where the kernel has one (S-UP-23, S-SWI-04, S-PPC-02).
    /// </summary>
    public bool StartupForces { get; init; }

    /// <summary>Start-up code turns the pool shared without <c>CC_ATTR_MEM_ENCRYPT</c>, too: s390 up to 7.2 (S-UP-23).</summary>
    public bool ConvertsPool { get; init; }

    /// <summary>The shared alias is the upper half of the address space, also in DMA addresses (S-DMA-12, S-DMA-16).</summary>
    public bool SharedAtTop { get; init; }

    /// <summary>arm64: pool rules of S-SWI-86.</summary>
    public bool Arm { get; init; }

    /// <summary>The row of a platform under 7.2.</summary>
    public static PlatformDmaTraits Of(Platform platform) => Of(platform, KernelVersion.V72);

    /// <summary>The row of a platform under a kernel.</summary>
    public static PlatformDmaTraits Of(Platform platform, KernelVersion kernel) =>
        platform == Platform.Lab && kernel == KernelVersion.V612Seed ? HeapsOnly
        : (kernel == KernelVersion.V73 ? RowsOf73 : Rows)[(int)platform];
}
