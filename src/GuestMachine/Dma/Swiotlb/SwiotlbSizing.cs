using System.Numerics;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Dma.Swiotlb;

/// <summary>
/// Size and shape of the default swiotlb pool at guest start (S-SWI-04..07, S-VEC-20).
/// Models: the 6 % rule of CoCo guests, command line, areas by CPU count, rounding, force flag, messages.
/// Does not model: retries with smaller pools when low memory is short, other default sizes of 7.3's build option, kmalloc bouncing of
/// arm64, high pools of s390 (S-SWI-86).
/// </summary>
public static class SwiotlbSizing
{
    /// <summary>Slots of the default pool: 64 MiB (S-SWI-01).</summary>
    public const uint DefaultSlots = (64 << 20) >> SwiotlbPool.SlotShift;

    private const ulong SmallestCocoBytes = 64UL << 20;
    private const ulong LargestCocoBytes = 1UL << 30;
    private const ulong CocoPercent = 6;
    private const ulong FourGiB = 1UL << 32;
    private const ulong OneGiB = 1UL << 30;
    private const ulong OneMiB = 1UL << 20;

    /// <summary>Decides the pool of one guest.</summary>
    /// <param name="environment">Platform, kernel and end of RAM.</param>
    /// <param name="memoryBytes">Total memory in bytes, the base of the 6 % rule.</param>
    /// <param name="cpus">Number of possible CPUs, at least 1.</param>
    /// <param name="options">The command line.</param>
    public static SwiotlbPlan Compute(DmaEnvironment environment, ulong memoryBytes, int cpus, SwiotlbOptions options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(cpus, 1);
        var size = new Progress { Slots = options.Slots ?? DefaultSlots };
        if (options.Areas is { } areas)
        {
            size.SetAreas(areas);
        }

        // The 6 % rule is x86's (S-SWI-05); there, who forces is who claims to be an encrypted guest.
        bool reachable = environment.LastRamByte < FourGiB;
        if (environment.GuestMemEncrypt && environment.IsX86)
        {
            size.AdjustForCoco(Math.Clamp(memoryBytes * CocoPercent / 100, SmallestCocoBytes, LargestCocoBytes));
        }

        bool always = environment.ArmPool && environment.Kernel == KernelVersion.V73;
        if (always && reachable && options.Slots is null)
        {
            size.Slots = Math.Min(size.Slots, (uint)(((memoryBytes + OneGiB - 1) / OneGiB * OneMiB) >> SwiotlbPool.SlotShift));
        }

        bool needed = !reachable || environment.HostMemEncrypt || environment.StartupForces || always;
        if (options.NoForce || !(needed || options.Force))
        {
            return new SwiotlbPlan(0, 0, SwiotlbForce.None, options.TrackHighWater, size.Messages);
        }

        if (size.Areas == 0)
        {
            size.SetAreas((uint)cpus);
        }

        SwiotlbForce force = (options.Force ? SwiotlbForce.CommandLine : SwiotlbForce.None)
            | (environment.StartupForces && environment.Rules.PlatformForcesBounce ? SwiotlbForce.Platform : SwiotlbForce.None);
        uint usable = Math.Min(size.Areas, size.Slots / SwiotlbPool.SegmentSlots);
        return new SwiotlbPlan(size.Slots, usable, force, options.TrackHighWater, size.Messages);
    }

    /// <summary>The size while start-up code changes it step by step; each step may log.</summary>
    private sealed class Progress
    {
        public List<string> Messages { get; } = [];

        public uint Slots { get; set; }

        public uint Areas { get; private set; }

        public void SetAreas(uint wanted)
        {
            Areas = BitOperations.RoundUpToPowerOf2(Math.Max(wanted, 1));
            Messages.Add($"area num {Areas}.");
            if (RoundUp())
            {
                Messages.Add($"SWIOTLB bounce buffer size roundup to {((ulong)Slots << SwiotlbPool.SlotShift) >> 20}MB");
            }
        }

        public void AdjustForCoco(ulong bytes)
        {
            if (Slots != DefaultSlots)
            {
                return; // S-SWI-05: only if no other size was given; the default number counts as none given (S-SWI-09).
            }

            bytes = SwiotlbPool.RoundUp(bytes, SwiotlbPool.SlotBytes);
            Slots = (uint)SwiotlbPool.RoundUp(bytes >> SwiotlbPool.SlotShift, SwiotlbPool.SegmentSlots);
            bytes = RoundUp() ? (ulong)Slots << SwiotlbPool.SlotShift : bytes;
            Messages.Add($"SWIOTLB bounce buffer size adjusted to {bytes >> 20}MB");
        }

        private bool RoundUp()
        {
            if (Areas == 0)
            {
                return false;
            }

            uint atLeast = SwiotlbPool.SegmentSlots * Areas;
            if (Slots >= atLeast && BitOperations.IsPow2(Slots))
            {
                return false;
            }

            Slots = BitOperations.RoundUpToPowerOf2(Math.Max(Slots, atLeast));
            return true;
        }
    }
}
