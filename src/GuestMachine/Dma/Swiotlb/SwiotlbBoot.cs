using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Dma.Swiotlb;

/// <summary>
/// Makes swiotlb pools with the messages of guest start (S-SWI-05..07, 10, 70..72, 84).
/// Does not model: where the pool lies and its conversion; the caller did both and says how the conversion ended.
/// </summary>
public static class SwiotlbBoot
{
    internal const string LogPrefix = "software IO TLB: ";

    /// <summary>The default pool, cleared by the caller, at <paramref name="start"/>.</summary>
    /// <param name="plan">What was decided; its messages are logged.</param>
    /// <param name="environment">Platform and kernel.</param>
    /// <param name="start">Guest-physical address, page-aligned; ignored when no pool is made.</param>
    /// <param name="conversion">How turning the pool shared ended (S-SWI-84).</param>
    /// <param name="memory">The copies.</param>
    /// <param name="log">The kernel log.</param>
    /// <returns>The pool, or null when none is made.</returns>
    public static SwiotlbPool? MakeDefault(
        SwiotlbPlan plan, DmaEnvironment environment, ulong start, Errno conversion, IBounceMemory memory, IKernelLog log)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(log);
        foreach (string message in plan.Messages)
        {
            log.Info(LogPrefix + message);
        }

        if (!plan.HasPool)
        {
            return null;
        }

        log.Info($"{LogPrefix}mapped [mem 0x{start:x16}-0x{start + plan.Bytes:x16}] ({plan.Bytes >> 20}MB)");
        bool unusable = environment.Rules.FollowsSharedState && environment.MemEncrypt && conversion != Errno.None;
        if (unusable)
        {
            log.Warn(LogPrefix + "Failed to decrypt default memory pool, disabling it");
        }

        return new SwiotlbPool(Options(string.Empty, plan.Slots, plan.Areas, plan.Force, environment, start) with
        {
            TrackHighWater = plan.TrackHighWater,
            Unusable = unusable,
        }, memory);
    }

    /// <summary>A restricted pool when its first device is bound: one area, every mapping bounces (S-SWI-70, S-SWI-72).</summary>
    /// <param name="name">Name of its debugfs folder.</param>
    /// <param name="slots">Slots, a multiple of 128.</param>
    /// <param name="environment">Platform and kernel.</param>
    /// <param name="start">Guest-physical address, page-aligned.</param>
    /// <param name="conversion">How turning it shared ended; up to 7.2 a failure is ignored.</param>
    /// <param name="memory">The copies.</param>
    /// <param name="log">The kernel log.</param>
    /// <returns>The pool; EINVAL when it is not RAM of the guest; in 7.3 the errno of the conversion.</returns>
    public static Result<SwiotlbPool> MakeRestricted(
        string name, uint slots, DmaEnvironment environment, ulong start, Errno conversion, IBounceMemory memory, IKernelLog log)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(log);
        const string Operation = "bind restricted pool";
        if (slots == 0 || slots % SwiotlbPool.SegmentSlots != 0 || !Memory.Frames.Page.IsAligned(start))
        {
            return new Failure(
                Errno.EINVAL, Operation, "shape", $"{slots} slots at 0x{start:x} are not whole segments on a page.", "slots");
        }

        ulong last = start + ((ulong)slots << SwiotlbPool.SlotShift) - 1;
        if (last > environment.LastRamByte || last < start)
        {
            log.Warn("Restricted DMA pool must be accessible within the linear mapping.");
            return new Failure(Errno.EINVAL, Operation, "linear mapping", $"The pool at 0x{start:x} ends behind the guest's RAM.", "start");
        }

        if (environment.Rules.FollowsSharedState && environment.MemEncrypt && conversion != Errno.None)
        {
            log.Warn("Failed to decrypt restricted DMA pool");
            return new Failure(conversion, Operation, "set_memory_decrypted", $"The pool at 0x{start:x} could not be turned shared.");
        }

        return new SwiotlbPool(Options(name, slots, 1, SwiotlbForce.Restricted, environment, start), memory);
    }

    private static SwiotlbPoolOptions Options(
        string name, uint slots, uint areas, SwiotlbForce force, DmaEnvironment environment, ulong start) =>
        new(name, start, slots, areas, force)
        {
            StartDma = environment.Encoding.Unencrypted(start),
            Shared = environment.MemEncrypt,
            HighWaterIsOptIn = environment.Rules.HighWaterIsOptIn,
        };
}
