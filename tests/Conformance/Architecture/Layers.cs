namespace CocoGuest.Tests.Conformance.Architecture;

/// <summary>The rooms of an assembly in layers, from the bottom up: a room names only rooms that stand before it.</summary>
/// <param name="Root">Namespace of the assembly's root.</param>
/// <param name="Rooms">Names below the root, in order; the empty one is the root itself.</param>
public sealed record Layers(string Root, IReadOnlyList<string> Rooms)
{
    /// <summary>The machine (docs/architecture.md).</summary>
    public static readonly Layers Machine = new("CocoGuest.Machine",
    [
        "Abi", "Profiles", "Gate", "Diagnostics", "Memory.Frames", "Memory.HostMemory", "Memory.Encryption", "Memory", "Memory.Store",
        "PageState", "PageState.Wire", "PageState.Views", "PageState.Trackers", "PageState.Kvm", "Dma", "Dma.Swiotlb", "Dma.Mapping",
        "Dma.Allocation", "Core", "Files", "Tree", "Mappings", "Devices", "Fences", "DmaBufs", "Heaps", "Drm", "Rdma", "Natives",
        "Host", "",
    ]);

    /// <summary>What answers the system calls of programs.</summary>
    public static readonly Layers Supervisor =
        new("CocoGuest.Supervisor", ["Target", "Seccomp", "Launch", "Files", "Processes", "Reports", "Calls", ""]);

    /// <summary>The server.</summary>
    public static readonly Layers Service = new("CocoGuest.Service",
    [
        "Logging", "Errors", "Requests", "Streams", "Starting", "Interop", "Options", "Access", "Budgets", "Processes", "Control", "Broker",
        "Services", "Health", "Reflection", "Telemetry", "Hosting", "",
    ]);

    /// <summary>Namespaces of the assembly that stand in no layer.</summary>
    public IReadOnlyList<string> Unlisted(IEnumerable<string> namespaces) =>
        [.. namespaces.Where(n => n.StartsWith(Root, StringComparison.Ordinal)).Distinct().Where(n => LayerOf(n) < 0)];

    /// <summary>The uses that go up.</summary>
    public IReadOnlyList<NamespaceUse> WaysUp(IEnumerable<NamespaceUse> uses) =>
        [.. uses.Where(u => LayerOf(u.From) >= 0 && LayerOf(u.To) > LayerOf(u.From))];

    private int LayerOf(string name)
    {
        for (int i = 0; i < Rooms.Count; i++)
        {
            if (name == (Rooms[i].Length == 0 ? Root : $"{Root}.{Rooms[i]}"))
            {
                return i;
            }
        }

        return -1;
    }
}
