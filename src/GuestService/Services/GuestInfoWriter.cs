using CocoGuest.Machine;
using CocoGuest.Machine.Profiles;
using CocoGuest.Service.Broker;
using CocoGuest.V1;
using WireShape = CocoGuest.V1.GuestShape;

namespace CocoGuest.Service.Services;

/// <summary>A guest's snapshot as the API's GuestInfo.</summary>
internal sealed class GuestInfoWriter(SharedMappings mappings)
{
    /// <summary>Takes a snapshot and writes all of it.</summary>
    public GuestInfo Write(Guest guest)
    {
        GuestSnapshot snapshot = guest.Snapshot();
        var info = new GuestInfo
        {
            Shape = Shape(snapshot.Shape),
            State = snapshot.State,
            Memory = Memory(snapshot),
            Objects = Objects(snapshot.Objects),
            Swiotlb = new SwiotlbCounters(),
            Conversions = Conversions(snapshot.Conversions),
            Copies = Copies(snapshot.Copies, mappings.Of(guest)),
            Declassified = new DeclassifiedCounters(),
        };
        if (snapshot.Dma.DefaultPool is { } pool)
        {
            info.Swiotlb = Swiotlb(pool);
            info.Swiotlb.Areas = pool.Areas;
            info.Declassified = new DeclassifiedCounters { LiveBytes = pool.LiveBytes, StaleBytes = pool.StaleBytes };
        }

        info.KernelLog.AddRange(snapshot.KernelLog);
        info.Warnings.AddRange(ShapeWarnings.Of(guest));
        return info;
    }

    private static WireShape Shape(Machine.Profiles.GuestShape shape) => new()
    {
        Name = shape.Name,
        Platform = ShapeWords.NameOf(shape.Platform),
        Kernel = ShapeWords.NameOf(shape.Kernel),
        MemoryBytes = shape.MemoryBytes,
        Cpus = shape.Cpus,
        Swiotlb = shape.Swiotlb,
        Cma = shape.Cma,
        CBitPosition = shape.CBitPosition,
        GpaWidth = shape.GpaWidth,
        Heaps = { shape.Heaps },
        Fragmentation = new Fragmentation
        {
            Order8FailsFrom = shape.Fragmentation.Order8FailsFrom,
            Order4FailsFrom = shape.Fragmentation.Order4FailsFrom,
        },
        Seed = shape.Seed,
    };

    private static V1.MemoryCensus Memory(GuestSnapshot snapshot) => new()
    {
        TotalBytes = snapshot.Memory.Total,
        FreeBytes = snapshot.Memory.Free,
        UsedBytes = snapshot.Memory.Used,
        LeakedBytes = snapshot.Memory.Leaked,
        ReservedBytes = snapshot.Memory.Reserved,
        SharedBytes = snapshot.Memory.Shared,
    };

    private static V1.ObjectCensus Objects(Machine.ObjectCensus objects) => new()
    {
        Processes = (ulong)objects.Processes,
        Buffers = (ulong)objects.Buffers,
        Fds = (ulong)objects.Fds,
        Mappings = (ulong)objects.Mappings,
        Attachments = (ulong)objects.Attachments,
        DmaMappings = (ulong)objects.DmaMappings,
        Devices = (ulong)objects.Devices,
        ShareTokens = (ulong)objects.ShareTokens,
    };

    private static SwiotlbCounters Swiotlb(Machine.Dma.Swiotlb.SwiotlbCounters pool) => new()
    {
        Slots = pool.Slots,
        SlotsUsed = pool.UsedSlots,
        SlotsHighWater = pool.HighWaterSlots,
        BouncedMappings = pool.Mappings,
        FailedMappings = pool.Full,
        BytesToDevice = pool.BytesToBounce,
        BytesToBuffer = pool.BytesFromBounce,
    };

    /// <summary>What conversions cost.</summary>
    public static ConversionCounters Conversions(Machine.PageState.ConversionCounters counters) => new()
    {
        ToShared = counters.ConversionsToShared,
        ToPrivate = counters.ConversionsToPrivate,
        PagesToShared = counters.PagesToShared,
        PagesToPrivate = counters.PagesToPrivate,
        HypervisorCalls = counters.HypervisorExits,
        Batches = counters.PscBatches,
        Pvalidates = counters.Pvalidates,
        PagesAccepted = counters.PagesAccepted,
        TlbFlushes = counters.TlbFlushes,
        RmpSplits = counters.RmpSplits,
        DirectMapSplits = counters.DirectMapSplits,
    };

    private static V1.CopyCounters Copies(Machine.Memory.CopyCounters copies, (ulong Fds, ulong Bytes) shared) => new()
    {
        LoadBytes = copies.LoadBytes,
        StoreBytes = copies.StoreBytes,
        DmaReadBytes = copies.DmaReadBytes,
        DmaWriteBytes = copies.DmaWriteBytes,
        BounceBytes = copies.BounceBytes,
        HostReadBytes = copies.HostReadBytes,
        SharedMappings = shared.Fds,
        SharedMappedBytes = shared.Bytes,
    };
}
