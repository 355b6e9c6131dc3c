using System.Collections.Frozen;

namespace CocoGuest.Service.Budgets;

/// <summary>Calls that are not short, by path. A test holds the lists against the requests and answers of all methods.</summary>
internal static class CallKinds
{
    private const string Package = "/cocoguest.v1.";

    private static readonly FrozenDictionary<string, CallKind> Rows = Of(CallKind.Long,
        "DeviceService/DmaRead", "DmaService/ReadAllocation", "DmaService/ReadPages", "FaultService/ListFaults",
        "FenceService/SyncFileInfo",
        "GuestService/ListHeapUses", "GuestService/Load", "GuestService/StatBuffer",
        "HostService/GetGuest", "HostService/ListGuests",
        "HypervisorService/GetPageStates", "HypervisorService/ReadHostMemory",
        "MemoryService/Mincore", "MemoryService/PinUserPages", "RdmaService/RegDmabufMr", "RdmaService/RegUserMr")
        .Concat(Of(CallKind.Upload,
            "DeviceService/DmaWrite", "DmaService/MapSg", "DmaService/MapSgtable", "DmaService/WriteAllocation", "DmaService/WritePages",
            "GuestService/Store", "HostService/CreateGuest", "HypercallService/PageStateChange", "HypervisorService/WriteHostMemory",
            "TraceService/SetTraceEvents"))
        .Concat(Of(CallKind.Waiting,
            "FenceService/PollBuffer", "FileService/Ioctl", "GuestService/MapDmaBuf", "GuestService/OpenProcess", "GuestService/SyncBuffer",
            "HypervisorService/WatchPageStates", "MovableService/MigrateBuffer", "RunService/Supervise", "TraceService/StreamTrace"))
        .Concat(Foreign("/grpc.health.v1.Health/Watch", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"))
        .ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The paths that have a row.</summary>
    public static IEnumerable<string> Paths => Rows.Keys;

    /// <summary>What the call at a path costs.</summary>
    public static CallKind Of(string path) => Rows.GetValueOrDefault(path);

    private static IEnumerable<KeyValuePair<string, CallKind>> Of(CallKind kind, params string[] methods) =>
        methods.Select(method => KeyValuePair.Create(Package + method, kind));

    private static IEnumerable<KeyValuePair<string, CallKind>> Foreign(params string[] paths) =>
        paths.Select(path => KeyValuePair.Create(path, CallKind.Waiting));
}
