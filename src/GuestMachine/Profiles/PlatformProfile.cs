namespace CocoGuest.Machine.Profiles;

/// <summary>
/// Names and shape rules of a platform, one row each. What the kernel says about it is <see cref="Profiles.PlatformDmaTraits"/>.
/// </summary>
/// <param name="Platform">Which platform.</param>
/// <param name="Name">Its name in requests.</param>
/// <param name="Encrypted">Memory is private unless converted (S-PLAT-03), whatever the kernel's attributes say.</param>
/// <param name="HasCBit">Private DMA addresses carry the C-bit (S-DMA-12).</param>
public sealed record PlatformProfile(Platform Platform, string Name, bool Encrypted, bool HasCBit)
{
    /// <summary>All platforms.</summary>
    public static IReadOnlyList<PlatformProfile> All { get; } =
    [
        new(Platform.None, "none", false, false),
        new(Platform.Sev, "sev", true, true) { Ciphers = true },
        new(Platform.SevSnp, "snp", true, true) { Ciphers = true },
        new(Platform.Tdx, "tdx", true, false) { Widths = [52, 48] },
        new(Platform.Lab, "lab", true, false) { Served = false },
        new(Platform.SevEs, "sev-es", true, true) { Ciphers = true },
        new(Platform.SevSnpVtom, "snp-vtom", true, false) { Ciphers = true },
        new(Platform.SmeHost, "sme", true, true) { Ciphers = true },
        new(Platform.CcaRealm, "cca", true, false)
        {
            Widths = [48, 52, 44, 42, 41, 40, 36],
            MissingFrom = [KernelVersion.V612, KernelVersion.V612Seed],
        },
        new(Platform.Pkvm, "pkvm", true, false) { MissingFrom = [KernelVersion.V612, KernelVersion.V612Seed] },
        new(Platform.S390, "s390", true, false) { MissingFrom = [KernelVersion.SeedV1] },
        new(Platform.PowerSvm, "powerpc", true, false),
    ];

    /// <summary>Whether guests of it may be asked for by name.</summary>
    public bool Served { get; init; } = true;

    /// <summary>
    /// The memory controller ciphers private memory and the host may see the ciphertext, so DRAM that nobody wrote through a key decrypts
    /// to garbage (S-ENC-01, 03).
    /// </summary>
    public bool Ciphers { get; init; }

    /// <summary>
    /// Guest-physical address widths to choose from, the default first; empty where the width is no matter (S-DMA-15, 16).
    /// </summary>
    public IReadOnlyList<uint> Widths { get; init; } = [];

    /// <summary>
    /// Kernels that cannot be such a guest: 6.12 has no arm64 ones (S-UP-23, S-CCA-07), the seed series does not build on s390 (S-UP-02).
    /// </summary>
    public IReadOnlyList<KernelVersion> MissingFrom { get; init; } = [];

    /// <summary>The profile of a platform.</summary>
    public static PlatformProfile Of(Platform platform) => All[(int)platform];

    /// <summary>The platform with this name, or null.</summary>
    public static PlatformProfile? Find(string name) => All.FirstOrDefault(p => p.Name == name);
}
