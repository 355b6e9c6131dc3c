using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>What the dma-buf core does with importers in a kernel version, as data.</summary>
/// <param name="MapsAtAttach">Attach maps and caches if exactly one of importer and exporter is dynamic (S-BUF-47, 52).</param>
/// <param name="NeedsInvalidate">Importer ops without an invalidate callback are refused (S-BUF-46).</param>
internal sealed record ImporterRules(bool MapsAtAttach, bool NeedsInvalidate)
{
    private static readonly ImporterRules UpTo614 = new(MapsAtAttach: true, NeedsInvalidate: true);
    private static readonly ImporterRules UpTo71 = new(MapsAtAttach: false, NeedsInvalidate: true);
    private static readonly ImporterRules From72 = new(MapsAtAttach: false, NeedsInvalidate: false);

    /// <summary>
    /// The rules of a version. Read in 6.12, 7.2 and 7.3; caching ended in 6.15 (S-BUF-52), the refusal is kept until 7.2.
    /// </summary>
    public static ImporterRules Of(KernelVersion version) => version switch
    {
        KernelVersion.V612 or KernelVersion.V612Seed => UpTo614,
        KernelVersion.V72 or KernelVersion.V73 => From72,
        _ => UpTo71,
    };
}
