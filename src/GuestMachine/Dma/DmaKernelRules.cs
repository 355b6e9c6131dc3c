using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Dma;

/// <summary>What the DMA layers of the kernels do differently, one row per kernel (S-UP-20, changes-72-73.md).</summary>
public sealed record DmaKernelRules
{
    private static readonly DmaKernelRules[] Rows =
    [
        /* V612   */ new() { Table = DirectMappingTables.V612, HasPhysCalls = false },
        /* V619   */ new() { Table = DirectMappingTables.P0 },
        /* SeedV1 */ new() { Table = DirectMappingTables.P1, SharedAttribute = DmaAttributes.CcDecrypted },
        /* V71    */ new() { Table = DirectMappingTables.P2, SharedAttribute = DmaAttributes.CcShared, KnowsRequireCoherent = true },
        /* V72    */ new()
        {
            Table = DirectMappingTables.P2,
            SharedAttribute = DmaAttributes.CcShared,
            KnowsRequireCoherent = true,
            MapsRamAsResource = true,
            ComparesUnmapAttributes = true,
        },
        /* V73    */ new()
        {
            Table = DirectMappingTables.P3,
            SharedAttribute = DmaAttributes.CcShared,
            KnowsRequireCoherent = true,
            ComparesUnmapAttributes = true,
            PlatformForcesBounce = false,
            FollowsSharedState = true,
            HighWaterIsOptIn = true,
            SwiotlbWordsByPrefix = true,
            MarksSharedAllocations = true,
            MapsRamAsResource = true,
        },
        /* V612Seed */ new()
        {
            Table = DirectMappingTables.P1,
            ResourceTable = DirectMappingTables.V612,
            SharedAttribute = DmaAttributes.CcDecrypted,
        },
    ];

    /// <summary>The decision table of direct mapping (S-DMA-30..33).</summary>
    public required DirectMappingTable Table { get; init; }

    /// <summary>The table of <c>dma_map_resource</c> where it is a call of its own beside the phys call; null: the same.</summary>
    public DirectMappingTable? ResourceTable { get; init; }

    /// <summary>The bit that says "this memory is shared"; none before the series (S-UP-20).</summary>
    public DmaAttributes SharedAttribute { get; init; }

    /// <summary>REQUIRE_COHERENT is known and refused for devices that are not coherent (S-DMA-40, 44, 54).</summary>
    public bool KnowsRequireCoherent { get; init; }

    /// <summary>DMA API debugging compares the attributes of map and unmap (S-DMA-47).</summary>
    public bool ComparesUnmapAttributes { get; init; }

    /// <summary>CoCo start-up passes the force flag when the default pool is made (S-UP-23).</summary>
    public bool PlatformForcesBounce { get; init; } = true;

    /// <summary>
    /// Capability looks at the attributes (S-DMA-17), swiotlb pools know whether they are shared (S-SWI-80, 81), and mapping sizes are
    /// limited by
    /// <c>force_dma_unencrypted</c> (S-DMA-70): 7.3.
    /// </summary>
    public bool FollowsSharedState { get; init; }

    /// <summary>The swiotlb counter and its maximum are kept only with <c>track_hiwater</c> (S-SWI-52).</summary>
    public bool HighWaterIsOptIn { get; init; }

    /// <summary><c>force</c> and <c>noforce</c> are compared by prefix (S-SWI-08).</summary>
    public bool SwiotlbWordsByPrefix { get; init; }

    /// <summary>
    /// Allocations know that they are shared: the front end marks them and refuses callers who do (S-DMA-64, 72), pools must be of the kind
    /// wanted (S-DMA-68, 74), and pages lost to a failing conversion are logged (S-DMA-71): 7.3.
    /// </summary>
    public bool MarksSharedAllocations { get; init; }

    /// <summary>Debugging kernels only log <c>dma_map_resource</c> of RAM; earlier ones refuse it (S-DMA-46).</summary>
    public bool MapsRamAsResource { get; init; }

    /// <summary>There is <c>dma_map_phys</c>; before 6.18 page and resource calls with trace events of their own (S-TRC-12).</summary>
    public bool HasPhysCalls { get; init; } = true;

    /// <summary>The row of a kernel.</summary>
    public static DmaKernelRules Of(KernelVersion kernel) => Rows[(int)kernel];
}
