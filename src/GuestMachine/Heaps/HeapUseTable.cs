using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Heaps;

/// <summary>
/// Which heap a use gets unless somebody says otherwise: what a Gralloc or a system policy decides in a real guest. A choice of this
/// emulator; the kernel knows heaps by name only.
/// </summary>
internal static class HeapUseTable
{
    private static readonly (string Use, HeapNeed Need)[] Rows =
    [
        ("cpu-private", HeapNeed.Private),
        ("rdma-control", HeapNeed.DeviceVisible),
        ("rdma-data", HeapNeed.DeviceVisible),
        ("gpu-texture", HeapNeed.DeviceVisible),
        ("gpu-render-target", HeapNeed.DeviceVisible),
        ("network", HeapNeed.DeviceVisible),
        ("storage", HeapNeed.DeviceVisible),
        ("scanout", HeapNeed.ContiguousDeviceVisible),
        ("camera", HeapNeed.ContiguousDeviceVisible),
        ("video-decoder", HeapNeed.ContiguousDeviceVisible),
        ("video-encoder", HeapNeed.ContiguousDeviceVisible),
        ("secure-video", HeapNeed.SecureVideo),
        ("trusted-ui", HeapNeed.TrustedUi),
        ("secure-video-record", HeapNeed.SecureVideoRecord),
    ];

    /// <summary>Names of all uses.</summary>
    public static IEnumerable<string> Uses => Rows.Select(r => r.Use);

    /// <summary>The defaults of a guest, without the uses that none of its heaps serves.</summary>
    /// <param name="kernel">Its kernel.</param>
    /// <param name="converts">The kernel can convert memory to shared (CC_ATTR_MEM_ENCRYPT).</param>
    /// <param name="heaps">Its heaps.</param>
    public static IEnumerable<HeapUse> Defaults(KernelProfile kernel, bool converts, HeapRegistry heaps) =>
        from row in Rows
        from candidate in Candidates(row.Need, kernel, converts).Where(c => heaps.Find(c.Heap) is not null).Take(1)
        select new HeapUse(row.Use, candidate.Heap, candidate.Flags, IsDefault: true);

    // First come, first served: in a guest that converts memory only converted memory is device visible, and only the system heap converts.
    private static IEnumerable<(string Heap, ulong Flags)> Candidates(HeapNeed need, KernelProfile kernel, bool converts) => need switch
    {
        HeapNeed.Private => [(HeapRegistry.SystemHeapName, 0)],
        HeapNeed.ContiguousDeviceVisible when !converts => [(kernel.CmaHeapName, 0), (HeapRegistry.SystemHeapName, 0)],
        HeapNeed.DeviceVisible or HeapNeed.ContiguousDeviceVisible => Visible(kernel, converts),
        HeapNeed.SecureVideo => [(TeePoolSpec.NameOf(TeeUse.SecureVideo)!, 0)],
        HeapNeed.TrustedUi => [(TeePoolSpec.NameOf(TeeUse.TrustedUi)!, 0)],
        _ => [(TeePoolSpec.NameOf(TeeUse.SecureVideoRecord)!, 0)],
    };

    private static IEnumerable<(string Heap, ulong Flags)> Visible(KernelProfile kernel, bool converts)
    {
        if (converts && kernel.SharedHeapName is { } shared)
        {
            yield return (shared, 0);
        }

        // Without a shared heap: the flag where the kernel has it, else private memory that bounces.
        yield return (HeapRegistry.SystemHeapName, converts ? kernel.SystemHeapFlags & KernelProfile.HeapFlagDecrypted : 0);
    }
}
