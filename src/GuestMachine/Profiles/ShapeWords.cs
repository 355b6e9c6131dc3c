namespace CocoGuest.Machine.Profiles;

/// <summary>Platforms and kernels in the words that people and requests use.</summary>
public static class ShapeWords
{
    private static readonly (string Word, Platform Platform)[] PlatformWords =
        [.. PlatformProfile.All.Where(p => p.Served).Select(p => (p.Name, p.Platform))];

    private static readonly (string Word, KernelVersion Kernel)[] KernelWords =
    [
        ("6.12", KernelVersion.V612), ("6.19", KernelVersion.V619), ("seed-v1", KernelVersion.SeedV1),
        ("7.1", KernelVersion.V71), ("7.2", KernelVersion.V72), ("7.3", KernelVersion.V73),
    ];

    /// <summary>All platform words, for sentences.</summary>
    public static string Platforms { get; } = string.Join(", ", PlatformWords.Select(p => p.Word));

    /// <summary>All kernel words, for sentences.</summary>
    public static string Kernels { get; } = string.Join(", ", KernelWords.Select(k => k.Word));

    /// <summary>Reads a platform; empty is SEV-SNP.</summary>
    public static bool TryParsePlatform(string word, out Platform platform)
    {
        int at = Array.FindIndex(PlatformWords, p => p.Word == (word.Length == 0 ? "snp" : word));
        platform = at < 0 ? default : PlatformWords[at].Platform;
        return at >= 0;
    }

    /// <summary>Reads a kernel; empty is 7.2.</summary>
    public static bool TryParseKernel(string word, out KernelVersion kernel)
    {
        int at = Array.FindIndex(KernelWords, k => k.Word == (word.Length == 0 ? "7.2" : word));
        kernel = at < 0 ? default : KernelWords[at].Kernel;
        return at >= 0;
    }

    /// <summary>The word for a platform.</summary>
    public static string NameOf(Platform platform) => Array.Find(PlatformWords, p => p.Platform == platform).Word;

    /// <summary>The word for a kernel.</summary>
    public static string NameOf(KernelVersion kernel) => Array.Find(KernelWords, k => k.Kernel == kernel).Word;
}
