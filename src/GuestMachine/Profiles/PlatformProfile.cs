namespace CocoGuest.Machine.Profiles;

/// <summary>Names and shape rules of a platform.</summary>
/// <param name="Platform">Which platform.</param>
/// <param name="Name">Its name in requests.</param>
/// <param name="Encrypted">CC_ATTR_MEM_ENCRYPT (S-DMA-10).</param>
/// <param name="HasCBit">Private DMA addresses carry the C-bit (S-DMA-12).</param>
public sealed record PlatformProfile(Platform Platform, string Name, bool Encrypted, bool HasCBit)
{
    /// <summary>All platforms.</summary>
    public static IReadOnlyList<PlatformProfile> All { get; } =
    [
        new(Platform.None, "none", false, false),
        new(Platform.Sev, "sev", true, true),
        new(Platform.SevSnp, "snp", true, true),
        new(Platform.Tdx, "tdx", true, false),
        new(Platform.Lab, "lab", true, false),
    ];

    /// <summary>The profile of a platform.</summary>
    public static PlatformProfile Of(Platform platform) => All[(int)platform];

    /// <summary>The platform with this name, or null.</summary>
    public static PlatformProfile? Find(string name) => All.FirstOrDefault(p => p.Name == name);
}
