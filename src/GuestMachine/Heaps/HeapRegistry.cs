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
        All = GuestShapeRules.HeapNames(shape.Platform, kernel)
            .Where(shape.Heaps.Contains)
            .Select((name, minor) => new HeapInfo(
                name, (uint)minor, name == SystemHeapName ? kernel.SystemHeapFlags : 0, name == kernel.SharedHeapName))
            .ToArray();
    }

    public IReadOnlyList<HeapInfo> All { get; }

    public HeapInfo? Find(string name) => All.FirstOrDefault(h => h.Name == name);
}
