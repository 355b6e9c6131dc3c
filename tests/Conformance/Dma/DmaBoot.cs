using CocoGuest.Machine;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Conformance.Dma;

/// <summary>How a recorded boot was started, in the words of the machine.</summary>
/// <param name="Name">Name of its recording.</param>
/// <param name="Kernel">Kernel.</param>
/// <param name="Platform">TDX stands for the platform of the recordings: encryption without a C-bit.</param>
/// <param name="Swiotlb">Text behind <c>swiotlb=</c>.</param>
/// <param name="GiB">Memory; 0 for 512 MiB.</param>
/// <param name="Cpus">CPUs.</param>
/// <param name="Cpu">CPU that the calls ran on.</param>
/// <param name="Conversion">How turning the pool shared ended.</param>
internal sealed record DmaBoot(
    string Name,
    KernelVersion Kernel,
    Platform Platform,
    string Swiotlb,
    uint GiB = 0,
    int Cpus = 1,
    int Cpu = 0,
    Errno Conversion = Errno.None)
{
    public static IReadOnlyList<DmaBoot> All { get; } =
    [
        new("plain", KernelVersion.V612, Platform.None, ""),
        new("swiotlb_force", KernelVersion.V612, Platform.None, "1024,force"),
        new("swiotlb_force_2cpu.cpu0", KernelVersion.V612, Platform.None, "1024,force", Cpus: 2),
        new("swiotlb_force_2cpu.cpu1", KernelVersion.V612, Platform.None, "1024,force", Cpus: 2, Cpu: 1),
        new("coco_no_swiotlb", KernelVersion.SeedV1, Platform.None, ""),
        new("coco_swiotlb_force", KernelVersion.SeedV1, Platform.None, "1024,force"),
        new("coco_swiotlb_force_5g", KernelVersion.SeedV1, Platform.None, "1024,force", GiB: 5),
        new("plain_72", KernelVersion.V72, Platform.None, ""),
        new("plain_5g_72", KernelVersion.V72, Platform.None, "1024", GiB: 5),
        new("swiotlb_force_72", KernelVersion.V72, Platform.None, "1024,force"),
        new("coco_72", KernelVersion.V72, Platform.Tdx, "1024"),
        new("coco_5g_72", KernelVersion.V72, Platform.Tdx, "1024", GiB: 5),
        new("coco_noforce_72", KernelVersion.V72, Platform.Tdx, "noforce"),
        new("plain_5g_73", KernelVersion.V73, Platform.None, "1024", GiB: 5),
        new("coco_73", KernelVersion.V73, Platform.Tdx, "1024"),
        new("coco_5g_73", KernelVersion.V73, Platform.Tdx, "1024", GiB: 5),
        new("coco_noforce_73", KernelVersion.V73, Platform.Tdx, "noforce"),
        new("coco_swiotlb_force_73", KernelVersion.V73, Platform.Tdx, "1024,force"),
        new("coco_pool_fail_73", KernelVersion.V73, Platform.Tdx, "1024", Conversion: Errno.EIO),
    ];
}
