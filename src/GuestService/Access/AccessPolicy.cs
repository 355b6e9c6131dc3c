using System.Collections.Frozen;
using CocoGuest.V1;

namespace CocoGuest.Service.Access;

/// <summary>
/// Every method of the server and the right it takes. A method that is missing here takes <see cref="Right.Host"/>; a test holds the table
/// against the services that the server maps.
/// </summary>
internal static class AccessPolicy
{
    private const string Guests = "/cocoguest.v1.GuestService/";
    private const string Devices = "/cocoguest.v1.DeviceService/";
    private const string Dma = "/cocoguest.v1.DmaService/";
    private const string Rdma = "/cocoguest.v1.RdmaService/";
    private const string Fences = "/cocoguest.v1.FenceService/";
    private const string Memory = "/cocoguest.v1.MemoryService/";
    private const string Movable = "/cocoguest.v1.MovableService/";
    private const string Host = "/cocoguest.v1.HostService/";
    private const string Hypervisor = "/cocoguest.v1.HypervisorService/";
    private const string Trace = "/cocoguest.v1.TraceService/";
    private const string Faults = "/cocoguest.v1.FaultService/";
    private const string Conversions = "/cocoguest.v1.ConversionService/";
    private const string Hypercalls = "/cocoguest.v1.HypercallService/";
    private const string Runs = "/cocoguest.v1.RunService/";
    private const string Files = "/cocoguest.v1.FileService/";

    /// <summary>The table, by path.</summary>
    public static FrozenDictionary<string, Right> ByPath { get; } = new Dictionary<string, Right>
    {
        [Guests + nameof(GuestService.GuestServiceBase.OpenProcess)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.ExitProcess)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.ListHeaps)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.ListHeapUses)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.SetHeapUse)] = Right.Host,
        [Guests + nameof(GuestService.GuestServiceBase.AllocateBuffer)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.Mmap)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.Munmap)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.Load)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.Store)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.SyncBuffer)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.SetBufferName)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.StatBuffer)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.ExportBuffer)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.ImportBuffer)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.Attach)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.Detach)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.MapDmaBuf)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.UnmapDmaBuf)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.Release)] = Right.Own,
        [Devices + nameof(DeviceService.DeviceServiceBase.RegisterDevice)] = Right.Own,
        [Devices + nameof(DeviceService.DeviceServiceBase.UnregisterDevice)] = Right.Own,
        [Devices + nameof(DeviceService.DeviceServiceBase.DmaRead)] = Right.Own,
        [Devices + nameof(DeviceService.DeviceServiceBase.DmaWrite)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.TakePages)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.GivePages)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.ReadPages)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.WritePages)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.MapPhys)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.MapPage)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.MapResource)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.UnmapPhys)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.SyncSingleForCpu)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.SyncSingleForDevice)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.MapSgtable)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.MapSg)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.UnmapSgtable)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.SyncSgtableForCpu)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.SyncSgtableForDevice)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.QueryDma)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.SetDmaMask)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.AllocCoherent)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.AllocPages)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.AllocNoncontiguous)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.FreeAllocation)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.ReadAllocation)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.WriteAllocation)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.MmapAllocation)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.CreatePool)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.AllocFromPool)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.FreeToPool)] = Right.Own,
        [Dma + nameof(DmaService.DmaServiceBase.DestroyPool)] = Right.Own,
        [Rdma + nameof(RdmaService.RdmaServiceBase.AddRdmaDevice)] = Right.Own,
        [Rdma + nameof(RdmaService.RdmaServiceBase.AllocPd)] = Right.Own,
        [Rdma + nameof(RdmaService.RdmaServiceBase.DeallocPd)] = Right.Own,
        [Rdma + nameof(RdmaService.RdmaServiceBase.RegUserMr)] = Right.Own,
        [Rdma + nameof(RdmaService.RdmaServiceBase.RegDmabufMr)] = Right.Own,
        [Rdma + nameof(RdmaService.RdmaServiceBase.DeregMr)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.CreateTimeline)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.CreateFence)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.SignalTimeline)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.ExportSyncFile)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.ImportSyncFile)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.MergeSyncFile)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.SyncFileInfo)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.PollBuffer)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.MmapAnonymous)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.Mprotect)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.MunmapRange)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.Mremap)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.Madvise)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.Msync)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.Mlock)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.Mincore)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.ForkProcess)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.PinUserPages)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.UnpinUserPages)] = Right.Own,
        [Movable + nameof(MovableService.MovableServiceBase.AllocateMovable)] = Right.Own,
        [Movable + nameof(MovableService.MovableServiceBase.AttachDynamic)] = Right.Own,
        [Movable + nameof(MovableService.MovableServiceBase.MigrateBuffer)] = Right.Own,
        [Movable + nameof(MovableService.MovableServiceBase.PinBuffer)] = Right.Own,
        [Movable + nameof(MovableService.MovableServiceBase.UnpinBuffer)] = Right.Own,
        [Host + nameof(HostService.HostServiceBase.CreateGuest)] = Right.Host,
        [Host + nameof(HostService.HostServiceBase.GetGuest)] = Right.Own,
        [Host + nameof(HostService.HostServiceBase.ListGuests)] = Right.Own,
        [Host + nameof(HostService.HostServiceBase.DestroyGuest)] = Right.Host,
        [Hypervisor + nameof(HypervisorService.HypervisorServiceBase.ReadHostMemory)] = Right.Host,
        [Hypervisor + nameof(HypervisorService.HypervisorServiceBase.GetPageStates)] = Right.Host,
        [Hypervisor + nameof(HypervisorService.HypervisorServiceBase.WriteHostMemory)] = Right.Host,
        [Hypervisor + nameof(HypervisorService.HypervisorServiceBase.WatchPageStates)] = Right.Host,
        [Hypervisor + nameof(HypervisorService.HypervisorServiceBase.SetHypervisorPolicy)] = Right.Host,
        [Hypervisor + nameof(HypervisorService.HypervisorServiceBase.GetHypervisorPolicy)] = Right.Host,
        [Hypervisor + nameof(HypervisorService.HypervisorServiceBase.ChangePages)] = Right.Host,
        [Hypervisor + nameof(HypervisorService.HypervisorServiceBase.RemapPages)] = Right.Host,
        [Hypervisor + nameof(HypervisorService.HypervisorServiceBase.RmpUpdate)] = Right.Host,
        [Hypervisor + nameof(HypervisorService.HypervisorServiceBase.Psmash)] = Right.Host,
        [Conversions + nameof(ConversionService.ConversionServiceBase.ConvertPages)] = Right.Host,
        [Conversions + nameof(ConversionService.ConversionServiceBase.ConvertBuffer)] = Right.Own,
        [Hypercalls + nameof(HypercallService.HypercallServiceBase.MapGpaRange)] = Right.Host,
        [Hypercalls + nameof(HypercallService.HypercallServiceBase.PageStateChange)] = Right.Host,
        [Hypercalls + nameof(HypercallService.HypercallServiceBase.PageStateChangeMsr)] = Right.Host,
        [Hypercalls + nameof(HypercallService.HypercallServiceBase.Pvalidate)] = Right.Host,
        [Hypercalls + nameof(HypercallService.HypercallServiceBase.MapGpa)] = Right.Host,
        [Hypercalls + nameof(HypercallService.HypercallServiceBase.AcceptPage)] = Right.Host,
        [Hypercalls + nameof(HypercallService.HypercallServiceBase.SetIpaState)] = Right.Host,
        [Hypercalls + nameof(HypercallService.HypercallServiceBase.SharePages)] = Right.Host,
        [Runs + nameof(RunService.RunServiceBase.Supervise)] = Right.Own,
        [Files + nameof(FileService.FileServiceBase.OpenFile)] = Right.Own,
        [Files + nameof(FileService.FileServiceBase.Ioctl)] = Right.Own,
        [Trace + nameof(TraceService.TraceServiceBase.SetTraceEvents)] = Right.Host,
        [Trace + nameof(TraceService.TraceServiceBase.StreamTrace)] = Right.Host,
        [Faults + nameof(FaultService.FaultServiceBase.InjectFault)] = Right.Host,
        [Faults + nameof(FaultService.FaultServiceBase.ListFaults)] = Right.Host,
        [Faults + nameof(FaultService.FaultServiceBase.ClearFaults)] = Right.Host,
        [Faults + nameof(FaultService.FaultServiceBase.SetFailNth)] = Right.Own,
        [Faults + nameof(FaultService.FaultServiceBase.GetFailNth)] = Right.Own,
        ["/grpc.health.v1.Health/Check"] = Right.Own,
        ["/grpc.health.v1.Health/Watch"] = Right.Own,
        ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"] = Right.Own,
        ["/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"] = Right.Own,
    }.ToFrozenDictionary(StringComparer.Ordinal);
}
