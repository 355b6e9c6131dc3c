using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Heaps;

/// <summary>
/// The heaps that a guest's kernel registers at boot.
/// Models: system and system_cc_shared per kernel and platform, in registration order (S-HEAP-46, 48), flags per heap (S-HEAP-13, 14).
/// Does not model: CMA and TEE heaps.
/// </summary>
internal sealed class HeapRegistry
{
    public const string SystemHeapName = "system";

    public HeapRegistry(GuestShape shape, KernelProfile kernel)
    {
        All = GuestShapeRules.HeapNames(shape, kernel)
            .Where(shape.Heaps.Contains)
            .Select((name, minor) => InfoOf(name, (uint)minor, kernel))
            .ToArray();
    }

    public IReadOnlyList<HeapInfo> All { get; }

    public HeapInfo? Find(string name) => All.FirstOrDefault(h => h.Name == name);

    private static HeapInfo InfoOf(string name, uint minor, KernelProfile kernel) =>
        name == SystemHeapName ? new HeapInfo(name, minor, kernel.SystemHeapFlags, AlwaysShared: false)
        : name == kernel.SharedHeapName ? new HeapInfo(name, minor, 0, AlwaysShared: true)
        : new HeapInfo(name, minor, 0, AlwaysShared: false, HeapKind.Cma);
}
