using CocoGuest.Machine.Dma.Swiotlb;

namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>
/// A device as the DMA layer sees it: its options, its pool and what follows from both. Made by <see cref="DmaMapper.AddDevice"/>.
/// Not thread-safe: the guest's lock orders its calls.
/// </summary>
public sealed class DmaDevice
{
    private readonly DmaEnvironment _environment;

    internal DmaDevice(DmaDeviceOptions options, DmaEnvironment environment, SwiotlbPool? defaultPool)
    {
        _environment = environment;
        Options = options;
        LogName = $"{options.Kind} {options.Name}";
        Pool = options.RestrictedPool ?? defaultPool;
        // A T=1 device follows the rules of 7.3 in every profile (S-DMA-82).
        Rules = options.Trusted ? DmaKernelRules.Of(Profiles.KernelVersion.V73) : environment.Rules;
        Table = Rules.Table;
        SharedAttribute = environment.Rules.SharedAttribute;
        ForcedBounce = IsForced(Pool, Rules);
        SetMasks(options.DmaMask, options.CoherentDmaMask);
    }

    /// <summary>What the driver said.</summary>
    public DmaDeviceOptions Options { get; }

    /// <summary>Device name.</summary>
    public string Name => Options.Name;

    /// <summary>Streaming DMA mask; 0 means none.</summary>
    public ulong DmaMask { get; private set; }

    /// <summary>Coherent DMA mask; 0 means none.</summary>
    public ulong CoherentDmaMask { get; private set; }

    /// <summary>The swiotlb pool it bounces through, or null.</summary>
    public SwiotlbPool? Pool { get; }

    /// <summary>Every streaming mapping bounces (<c>is_swiotlb_force_bounce</c>).</summary>
    public bool ForcedBounce { get; }

    /// <summary><c>force_dma_unencrypted</c> (S-DMA-19, S-DMA-82).</summary>
    public bool ForceUnencrypted { get; private set; }

    /// <summary><c>dma_skip_sync</c>: set with the mask, cleared for good by the first bounce (S-DMA-56, S-SWI-38).</summary>
    public bool SkipSync { get; private set; }

    /// <summary>CPU that the next calls run on; chooses the first swiotlb area (S-SWI-26).</summary>
    public int Cpu { get; set; }

    /// <summary>What slot searches for this device must respect.</summary>
    public SwiotlbConstraints Constraints => new(Options.MinAlignMask, Options.SegmentBoundaryMask, Cpu);

    internal string LogName { get; }

    internal DmaKernelRules Rules { get; }

    internal DirectMappingTable Table { get; }

    internal DmaAttributes SharedAttribute { get; }

    /// <summary>Highest DMA address it reaches: smaller non-zero one of mask and bus limit (S-DMA-17).</summary>
    internal ulong Limit { get; private set; }

    /// <summary>Highest DMA address of coherent memory: smaller non-zero one of coherent mask and bus limit (S-DMA-63).</summary>
    internal ulong CoherentLimit { get; private set; }

    /// <summary>The inputs of the decision that no request changes.</summary>
    internal MappingInputs FixedInputs { get; private set; }

    /// <summary>Private memory is out of question whatever the mask (7.3, S-DMA-17).</summary>
    internal bool RefusesPrivate { get; private set; }

    internal void SetMasks(ulong mask, ulong coherentMask)
    {
        DmaMask = mask;
        CoherentDmaMask = coherentMask;
        Limit = MinNotZero(mask, Options.BusLimit);
        CoherentLimit = MinNotZero(coherentMask, Options.BusLimit);
        ForceUnencrypted = !Options.Trusted && _environment.ForceDmaUnencrypted(CoherentLimit);
        RefusesPrivate = Rules.FollowsSharedState && ForceUnencrypted;
        SkipSync = Options.Coherent && mask != 0;
        FixedInputs = (ForcedBounce ? MappingInputs.ForcedBounce : MappingInputs.None)
            | (Pool is not null ? MappingInputs.SwiotlbActive : MappingInputs.None)
            | (_environment.HostMemEncrypt ? MappingInputs.HostMemEncrypt : MappingInputs.None);
    }

    internal void BouncedOnce() => SkipSync = false;

    internal static ulong MinNotZero(ulong a, ulong b) => a == 0 ? b : b == 0 ? a : Math.Min(a, b);

    private static bool IsForced(SwiotlbPool? pool, DmaKernelRules rules)
    {
        SwiotlbForce counted = rules.PlatformForcesBounce
            ? SwiotlbForce.CommandLine | SwiotlbForce.Platform | SwiotlbForce.Restricted
            : SwiotlbForce.CommandLine | SwiotlbForce.Restricted;
        return pool is not null && (pool.Force & counted) != 0;
    }
}
