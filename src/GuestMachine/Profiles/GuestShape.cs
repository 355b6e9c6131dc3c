using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Profiles;

/// <summary>
/// The whole shape of a guest. Two guests of the same shape that get the same calls give the same addresses, bytes and errnos.
/// <see cref="GuestShapeRules.Complete"/> checks a shape and fills in the defaults.
/// </summary>
public sealed record GuestShape
{
    /// <summary>Name of the guest that exists from the start.</summary>
    public const string DefaultName = "default";

    /// <summary>1 to 64 of a-z, A-Z, 0-9, '-', '_', '.'.</summary>
    public string Name { get; init; } = DefaultName;

    /// <summary>Platform.</summary>
    public Platform Platform { get; init; } = Platform.SevSnp;

    /// <summary>Kernel profile.</summary>
    public KernelVersion Kernel { get; init; } = KernelVersion.V72;

    /// <summary>Bytes of RAM, a multiple of 4096, from 64 MiB to 1 TiB. 0: 4 GiB.</summary>
    public ulong MemoryBytes { get; init; }

    /// <summary>Possible CPUs, 1 to 8192. 0: 2.</summary>
    public uint Cpus { get; init; }

    /// <summary>The command line's <c>swiotlb=</c> value (S-SWI-08); empty: not given.</summary>
    public string Swiotlb { get; init; } = "";

    /// <summary>The command line's <c>cma=</c> value, for example <c>64M</c>; empty: not given.</summary>
    public string Cma { get; init; } = "";

    /// <summary>C-bit position on AMD platforms with one, 40 to 62. 0: 51 (S-DMA-14).</summary>
    public uint CBitPosition { get; init; }

    /// <summary>Guest-physical address width: TDX 48 or 52 (0: 52, S-DMA-15); a realm 36 to 52 (0: 48, S-DMA-16).</summary>
    public uint GpaWidth { get; init; }

    /// <summary>Heaps to register; empty: all that the kernel has on the platform (S-HEAP-48).</summary>
    public IReadOnlyList<string> Heaps { get; init; } = [];

    /// <summary>Page allocator policy.</summary>
    public FragmentationPolicy Fragmentation { get; init; } = FragmentationPolicy.Default;

    /// <summary>CMA areas besides the one of <c>cma=</c>; 7.2 and later give each a heap of its name (S-CMA-08).</summary>
    public IReadOnlyList<CmaRegionSpec> CmaRegions { get; init; } = [];

    /// <summary>Pools that TEE drivers register at boot; none unless asked for (S-TEE-08).</summary>
    public IReadOnlyList<TeePoolSpec> TeePools { get; init; } = [];

    /// <summary>Boot option <c>dma_heap.mem_accounting=1</c> (S-HEAP-53).</summary>
    public bool MemAccounting { get; init; }

    /// <summary>Heap ioctls copy back as older kernels did: also after a failure, and after an fd was installed (S-HEAP-32).</summary>
    public bool OldHeapCopyBack { get; init; }

    /// <summary>Bytes of the cma area that the kernel takes for itself at boot, as a coherent pool does. Not settable by RPC.</summary>
    internal ulong CmaTakenAtBoot { get; init; }

    /// <summary>
    /// Further nodes on the one CMA area, as a build option of some kernels adds one under the old name (S-CMA-08). Not settable by RPC.
    /// </summary>
    internal IReadOnlyList<string> MoreCmaNodes { get; init; } = [];

    /// <summary>How turning the default swiotlb pool shared ends at start-up. Not settable by RPC; for replaying recordings.</summary>
    internal Errno PoolConversion { get; init; }

    /// <summary>Decides keys and everything else that is random in hardware.</summary>
    public ulong Seed { get; init; }
}
