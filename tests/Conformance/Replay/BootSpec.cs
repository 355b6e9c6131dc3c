using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Replay;

/// <summary>How a recorded boot was started, in the words of the machine.</summary>
/// <param name="Name">Its name in the records.</param>
/// <param name="Kernel">Kernel profile.</param>
/// <param name="Claims">The platform claims memory encryption (the recordings' fake CoCo platform).</param>
/// <param name="Swiotlb">Text behind <c>swiotlb=</c>; empty: not given.</param>
/// <param name="MemoryBytes">RAM.</param>
/// <param name="Cpus">CPUs.</param>
/// <param name="Cpu">The CPU that the calls ran on.</param>
/// <param name="PoolConversion">How turning the default pool shared ends at start-up.</param>
internal sealed record BootSpec(
    string Name, KernelVersion Kernel, bool Claims, string Swiotlb, ulong MemoryBytes, int Cpus, int Cpu, Errno PoolConversion)
{
    /// <summary>
    /// The platform as start-up code and DMA layer see it. The series ported by hand claims encryption only where heaps ask; the merged
    /// kernels claim it from the command line on.
    /// </summary>
    public Platform DmaPlatform => Claims && Kernel != KernelVersion.V612Seed ? Platform.Lab : Platform.None;

    /// <summary>The platform as heaps see it.</summary>
    public Platform HeapPlatform => Claims ? Platform.Lab : Platform.None;
}
