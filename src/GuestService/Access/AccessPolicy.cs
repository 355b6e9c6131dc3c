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
    private const string Fences = "/cocoguest.v1.FenceService/";
    private const string Memory = "/cocoguest.v1.MemoryService/";
    private const string Movable = "/cocoguest.v1.MovableService/";
    private const string Host = "/cocoguest.v1.HostService/";
    private const string Hypervisor = "/cocoguest.v1.HypervisorService/";
    private const string Trace = "/cocoguest.v1.TraceService/";
    private const string Faults = "/cocoguest.v1.FaultService/";
    private const string Conversions = "/cocoguest.v1.ConversionService/";
    private const string Files = "/cocoguest.v1.FileService/";

    /// <summary>The table, by path.</summary>
    public static FrozenDictionary<string, Right> ByPath { get; } = new Dictionary<string, Right>
    {
        [Guests + nameof(GuestService.GuestServiceBase.OpenProcess)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.ExitProcess)] = Right.Own,
        [Guests + nameof(GuestService.GuestServiceBase.ListHeaps)] = Right.Own,
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
        [Fences + nameof(FenceService.FenceServiceBase.CreateTimeline)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.CreateFence)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.SignalTimeline)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.ExportSyncFile)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.ImportSyncFile)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.SyncFileInfo)] = Right.Own,
        [Fences + nameof(FenceService.FenceServiceBase.PollBuffer)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.MmapAnonymous)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.Mprotect)] = Right.Own,
        [Memory + nameof(MemoryService.MemoryServiceBase.MunmapRange)] = Right.Own,
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
        [Conversions + nameof(ConversionService.ConversionServiceBase.ConvertPages)] = Right.Host,
        [Conversions + nameof(ConversionService.ConversionServiceBase.ConvertBuffer)] = Right.Own,
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
