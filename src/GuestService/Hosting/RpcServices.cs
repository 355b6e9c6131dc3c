using CocoGuest.Service.Services;
using CocoGuest.V1;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace CocoGuest.Service.Hosting;

/// <summary>
/// Every service of the API, one line each. What the server makes, maps, guards, reflects and reports as healthy all follows from here;
/// health and reflection themselves are not ours and not in it.
/// </summary>
internal static class RpcServices
{
    private static readonly RpcService[] All =
    [
        RpcService.Of<GuestCalls>(() => GuestService.Descriptor),
        RpcService.Of<DeviceCalls>(() => DeviceService.Descriptor),
        RpcService.Of<HostCalls>(() => HostService.Descriptor),
        RpcService.Of<HypervisorCalls>(() => HypervisorService.Descriptor),
        RpcService.Of<TraceCalls>(() => TraceService.Descriptor),
        RpcService.Of<FaultCalls>(() => FaultService.Descriptor),
        RpcService.Of<FenceCalls>(() => FenceService.Descriptor),
        RpcService.Of<ConversionCalls>(() => ConversionService.Descriptor),
        RpcService.Of<FileCalls>(() => FileService.Descriptor),
        RpcService.Of<MemoryCalls>(() => MemoryService.Descriptor),
        RpcService.Of<MovableCalls>(() => MovableService.Descriptor),
        RpcService.Of<RunCalls>(() => RunService.Descriptor),
        RpcService.Of<DmaCalls>(() => DmaService.Descriptor),
        RpcService.Of<RdmaCalls>(() => RdmaService.Descriptor),
        RpcService.Of<HypercallCalls>(() => HypercallService.Descriptor),
    ];

    /// <summary>The services as their .proto files describe them.</summary>
    public static IEnumerable<ServiceDescriptor> Descriptors => All.Select(s => s.Descriptor());

    /// <summary>Adds what carries the services out.</summary>
    public static void AddRpcServices(this IServiceCollection parts) => Array.ForEach(All, s => s.Add(parts));

    /// <summary>Maps the services.</summary>
    public static void MapRpcServices(this IEndpointRouteBuilder app) => Array.ForEach(All, s => s.Map(app));
}
