using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Replay;

/// <summary>The whole guest of a boot: heaps, processes, devices. It goes on from case to case, as the real one did.</summary>
internal sealed class GuestWorld : IDisposable
{
    private const ulong SeedOfReplays = 1;

    public GuestWorld(BootSpec spec)
    {
        Time = new ReplayTime();
        var shape = new GuestShape
        {
            Name = "replay",
            Platform = spec.HeapPlatform,
            Kernel = spec.Kernel,
            MemoryBytes = spec.MemoryBytes,
            Cpus = (uint)spec.Cpus,
            Swiotlb = spec.Swiotlb,
            Cma = "64M",
            MoreCmaNodes = spec.Kernel is KernelVersion.V72 or KernelVersion.V73 ? ["reserved"] : [],
            Fragmentation = CocoGuest.Machine.Profiles.FragmentationPolicy.Default with { HighZoneFirst = true },
            PoolConversion = spec.PoolConversion,

            // The 7.x images have a coherent pool, which takes its memory from the area at boot.
            CmaTakenAtBoot = spec.Kernel is KernelVersion.V72 or KernelVersion.V73 ? 128UL << 10 : 0,
            Seed = SeedOfReplays,
        };
        Guest = Guest.Boot(GuestShapeRules.Complete(shape).Value, Time, new CountingSecrets(), observer: null).Value;
    }

    public Guest Guest { get; }

    public ReplayTime Time { get; }

    /// <summary>Slots in use, −1 without a pool.</summary>
    public long Used => Guest.Dma.DefaultPool is { } pool ? pool.UsedSlots : -1;

    public void Dispose() => Guest.Dispose();

    /// <summary>Handles that nobody has to guess.</summary>
    private sealed class CountingSecrets : ISecretSource
    {
        private ulong _last;

        public Handle128 Next() => new(0, ++_last);
    }
}
