using System.Collections.Frozen;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>
/// What has to be there before a call can succeed: for a method the calls that come before it, by name, as a client would make them. Values
/// go from call to call by the names of fields, so that a row says little more than an order. The calls are no requests of the fuzz and do
/// not count as its successes.
/// </summary>
internal static class FuzzLeads
{
    // DMA_BUF_IOCTL_SYNC.
    private const ulong SyncCommand = 0x40086200;

    private static readonly FuzzStep[] Pages = [new("TakePages")];
    private static readonly FuzzStep[] Mapped = [.. Pages, new("MapPhys")];
    private static readonly FuzzStep[] Table = [.. Pages, new("MapSgtable")];
    private static readonly FuzzStep[] Allocation = [new("AllocCoherent")];
    private static readonly FuzzStep[] Pool = [new("CreatePool")];
    private static readonly FuzzStep[] Block = [.. Pool, new("AllocFromPool")];
    private static readonly FuzzStep[] OwnDevice = [new("RegisterDevice", ("name", "lead0"), ("device", "lead0"))];
    private static readonly FuzzStep[] Buffer = [new("AllocateBuffer")];
    private static readonly FuzzStep[] BufferMmapped = [.. Buffer, new("Mmap")];
    private static readonly FuzzStep[] Attached = [.. Buffer, new("Attach")];
    private static readonly FuzzStep[] Movable = [new("AllocateMovable")];
    private static readonly FuzzStep[] MovableAttached = [.. Movable, new("AttachDynamic")];
    private static readonly FuzzStep[] Anonymous = [new("MmapAnonymous")];
    private static readonly FuzzStep[] Timeline = [new("CreateTimeline")];
    private static readonly FuzzStep[] Fence = [.. Timeline, new("CreateFence")];
    private static readonly FuzzStep[] SoftDomain = [new("AddRdmaDevice", ("rdma_device", "rxe1"), ("device", "")), new("AllocPd")];
    private static readonly FuzzStep[] BusDomain = [new("AddRdmaDevice", ("rdma_device", "mlx5_1"), ("device", "emu0")), new("AllocPd")];
    private static readonly FuzzStep[] UserRegion = [.. SoftDomain, .. Anonymous, new("RegUserMr")];

    private static readonly FrozenDictionary<string, FuzzStep[]> ByMethod = new Dictionary<string, FuzzStep[]>
    {
        ["GivePages"] = Pages,
        ["ReadPages"] = Pages,
        ["WritePages"] = Pages,
        ["MapPhys"] = Pages,
        ["MapPage"] = Pages,
        ["UnmapPhys"] = Mapped,
        ["SyncSingleForCpu"] = Mapped,
        ["SyncSingleForDevice"] = Mapped,
        ["DmaRead"] = Mapped,
        ["DmaWrite"] = Mapped,
        ["MapSgtable"] = Pages,
        ["MapSg"] = Pages,
        ["UnmapSgtable"] = Table,
        ["SyncSgtableForCpu"] = Table,
        ["SyncSgtableForDevice"] = Table,
        ["SetDmaMask"] = [.. OwnDevice, FuzzStep.Setting(("dma_mask", uint.MaxValue))],
        ["ReadAllocation"] = Allocation,
        ["WriteAllocation"] = Allocation,
        ["MmapAllocation"] = Allocation,
        ["FreeAllocation"] = Allocation,
        ["AllocFromPool"] = Pool,
        ["DestroyPool"] = Pool,
        ["FreeToPool"] = Block,
        ["UnregisterDevice"] = OwnDevice,

        ["SetIpaState"] = [FuzzStep.Setting(("guest", "cca"), ("base", 64UL << 20), ("top", 65UL << 20))],
        ["SharePages"] = [FuzzStep.Setting(("guest", "pkvm"), ("address", 64UL << 20), ("pages", 1UL))],

        ["Mmap"] = Buffer,
        ["SyncBuffer"] = [.. Buffer, FuzzStep.Setting(("flags", 3UL))],
        ["SetBufferName"] = Buffer,
        ["StatBuffer"] = Buffer,
        ["ExportBuffer"] = Buffer,
        ["ImportBuffer"] = [.. Buffer, new("ExportBuffer")],
        ["Release"] = Buffer,
        ["ConvertBuffer"] = Buffer,
        ["Ioctl"] = [.. Buffer, FuzzStep.Setting(("command", SyncCommand))],
        ["Munmap"] = BufferMmapped,
        ["Load"] = BufferMmapped,
        ["Store"] = BufferMmapped,
        ["Attach"] = Buffer,
        ["Detach"] = Attached,
        ["MapDmaBuf"] = Attached,
        ["UnmapDmaBuf"] = [.. Attached, new("MapDmaBuf")],
        ["ExitProcess"] = [new("ForkProcess")],

        ["AttachDynamic"] = Movable,
        ["MigrateBuffer"] = Movable,
        ["PinBuffer"] = MovableAttached,
        ["UnpinBuffer"] = [.. MovableAttached, new("PinBuffer")],

        ["Mprotect"] = Anonymous,
        ["MunmapRange"] = Anonymous,
        ["Mremap"] = Anonymous,
        ["Madvise"] = [.. Anonymous, FuzzStep.Setting(("advice", "DONTFORK"))],
        ["Msync"] = [.. Anonymous, FuzzStep.Setting(("flags", 1UL))],
        ["Mlock"] = Anonymous,
        ["Mincore"] = Anonymous,
        ["PinUserPages"] = Anonymous,
        ["UnpinUserPages"] = [.. Anonymous, new("PinUserPages")],

        ["CreateFence"] = Timeline,
        ["SignalTimeline"] = Timeline,
        ["SyncFileInfo"] = Fence,
        ["MergeSyncFile"] = Fence,
        ["ExportSyncFile"] = [.. Buffer, FuzzStep.Setting(("flags", 1UL))],
        ["ImportSyncFile"] = [.. Timeline, new("CreateFence") { Kept = ("fd", "sync_fd") }, .. Buffer, FuzzStep.Setting(("flags", 1UL))],

        ["AllocPd"] = SoftDomain,
        ["DeallocPd"] = SoftDomain,
        ["RegUserMr"] = [.. SoftDomain, .. Anonymous],
        ["RegDmabufMr"] = [.. BusDomain, .. Buffer],
        ["DeregMr"] = UserRegion,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    // One page of what devices reach, of init in the default guest.
    private static readonly (string Field, object Value)[] First =
    [
        ("guest", ""), ("process", ""), ("heap", "system_cc_shared"), ("len", 4096UL), ("length", 4096UL), ("size", 4096UL), ("value", 1UL),
    ];

    /// <summary>All methods that are named.</summary>
    public static IEnumerable<string> Names =>
        ByMethod.Keys.Concat(ByMethod.Values.SelectMany(s => s).Select(s => s.Method).OfType<string>()).Distinct();

    /// <summary>The calls that come before a method's; none: it needs nothing.</summary>
    public static IReadOnlyList<FuzzStep> Of(FuzzMethod method) => ByMethod.GetValueOrDefault(method.Name, []);

    /// <summary>The scene before the first of them.</summary>
    public static Dictionary<string, object> Begin() => First.ToDictionary(f => f.Field, f => f.Value, StringComparer.Ordinal);
}
