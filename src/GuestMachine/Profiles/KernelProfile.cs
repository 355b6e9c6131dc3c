namespace CocoGuest.Machine.Profiles;

/// <summary>
/// What a guest kernel does differently from another, as data (S-UP-20, S-UP-24, S-HEAP-48).
/// Models: the rules that heaps, dma-bufs and DMA mapping of this version ask for.
/// Does not model: texts and options that nothing here uses yet.
/// </summary>
/// <param name="Version">Which kernel.</param>
/// <param name="Name">Its name in requests: "seed-v1", "7.2", …</param>
/// <param name="Served">Whether guests may be created with it in this version of CocoGuest.</param>
/// <param name="SharedHeapName">Name of the heap of shared memory, or null where there is none (S-UP-20).</param>
/// <param name="SystemHeapFlags">heap_flags bits that <c>system</c> accepts (S-HEAP-13, 14).</param>
/// <param name="CmaHeapName">Name of the default CMA heap: the region's before 6.17, then a fixed one (S-CMA-08).</param>
public sealed record KernelProfile(
    KernelVersion Version,
    string Name,
    bool Served,
    string? SharedHeapName,
    ulong SystemHeapFlags,
    string CmaHeapName)
{
    /// <summary>
    /// Mode column of bufinfo but for the access bits: newer kernels mark pseudo files as not watchable (S-BUF-101, 103).
    /// </summary>
    public uint PseudoFileMode => Is612 ? 0x00080004u : 0x02080004u;

    /// <summary>/sys/kernel/dmabuf/buffers exists, as in the recorded 6.12 (a build option; S-BUF-104).</summary>
    public bool HasBufferStatistics => Is612;

    /// <summary>Module parameter dma_heap.mem_accounting exists (S-HEAP-53).</summary>
    public bool HasMemoryAccounting => Version is KernelVersion.V72 or KernelVersion.V73;

    /// <summary>CMA areas besides the default one get heaps (S-CMA-08).</summary>
    public bool HasHeapPerCmaArea => Version is KernelVersion.V72 or KernelVersion.V73;

    /// <summary>TEE drivers can register protected heaps (S-TEE-01).</summary>
    public bool HasTeeHeaps => !Is612;

    /// <summary>Devices without hardware are on the bus "faux", not on "platform" (S-GPU-27).</summary>
    public bool HasFauxBus => !Is612;

    /// <summary>DRM nodes know the numbers 0xd1 and 0xd2 (S-GPU-29).</summary>
    public bool HasNewerDrmIoctls => !Is612;

    private bool Is612 => Version is KernelVersion.V612 or KernelVersion.V612Seed;

    /// <summary>Bit 0 of heap_flags in the seed series: ask <c>system</c> for decrypted memory (S-UP-01).</summary>
    public const ulong HeapFlagDecrypted = 1;

    /// <summary>vgem and vkms map a dma-buf when they import it; from 7.2 on they attach only (S-REC-50).</summary>
    public bool DrmMapsImports { get; init; } = true;

    /// <summary>DRM exporters keep a mapping until detach (S-BUF-53, S-GPU-12).</summary>
    public bool DrmKeepsMappings { get; init; }

    /// <summary>Largest udmabuf, MiB (S-BUF-111).</summary>
    public ulong UdmabufLimitMiB { get; init; } = 64;

    private const string CcShared = "system_cc_shared";
    private const string RegionName = "reserved";
    private const string DefaultCma = "default_cma_region";

    /// <summary>A dma-buf may be mapped executable: not from 7.2 on (S-REC-51).</summary>
    public bool MapsDmaBufsExecutable => Version is not (KernelVersion.V72 or KernelVersion.V73);

    /// <summary>The system heap maps page by page, not chunk by chunk, which S-SYS-53 makes visible: 6.12.</summary>
    public bool MapsHeapsByPage => Version == KernelVersion.V612;

    /// <summary>mincore reports heap mappings as resident: 7.3 (S-REC-53).</summary>
    public bool HeapMappingsResident => Version == KernelVersion.V73;

    /// <summary>All profiles, oldest first.</summary>
    public static IReadOnlyList<KernelProfile> All { get; } =
    [
        new(KernelVersion.V612, "6.12", true, null, 0, RegionName) { DrmKeepsMappings = true },
        new(KernelVersion.V619, "6.19", true, null, 0, DefaultCma),
        new(KernelVersion.SeedV1, "seed-v1", true, null, HeapFlagDecrypted, DefaultCma),
        new(KernelVersion.V71, "7.1", true, CcShared, 0, DefaultCma),
        new(KernelVersion.V72, "7.2", true, CcShared, 0, DefaultCma) { DrmMapsImports = false },
        new(KernelVersion.V73, "7.3", true, CcShared, 0, DefaultCma) { DrmMapsImports = false, UdmabufLimitMiB = int.MaxValue },
        new(KernelVersion.V612Seed, "6.12-seed", false, null, HeapFlagDecrypted, RegionName) { DrmKeepsMappings = true },
    ];

    /// <summary>The profile of a version.</summary>
    public static KernelProfile Of(KernelVersion version) => All[(int)version];

    /// <summary>The profile with this name, or null.</summary>
    public static KernelProfile? Find(string name) => All.FirstOrDefault(p => p.Name == name);
}
