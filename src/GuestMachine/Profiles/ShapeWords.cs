namespace CocoGuest.Machine.Profiles;

/// <summary>Platforms and kernels in the words that people and requests use.</summary>
public static class ShapeWords
{
    /// <summary>The platform of whoever names none.</summary>
    public const string DefaultPlatform = "snp";

    /// <summary>The kernel of whoever names none.</summary>
    public const string DefaultKernel = "7.2";

    private static readonly (string Word, Platform Platform)[] PlatformWords =
        [.. PlatformProfile.All.Where(p => p.Served).Select(p => (p.Name, p.Platform))];

    private static readonly (string Word, KernelVersion Kernel)[] KernelWords =
        [.. KernelProfile.All.Where(k => k.Served).Select(k => (k.Name, k.Version))];

    /// <summary>All platform words, for sentences.</summary>
    public static string Platforms { get; } = string.Join(", ", PlatformWords.Select(p => p.Word));

    /// <summary>All kernel words, for sentences.</summary>
    public static string Kernels { get; } = string.Join(", ", KernelWords.Select(k => k.Word));

    /// <summary>Reads a platform; empty is <see cref="DefaultPlatform"/>.</summary>
    public static bool TryParsePlatform(string word, out Platform platform)
    {
        int at = Array.FindIndex(PlatformWords, p => p.Word == (word.Length == 0 ? DefaultPlatform : word));
        platform = at < 0 ? default : PlatformWords[at].Platform;
        return at >= 0;
    }

    /// <summary>Reads a kernel; empty is <see cref="DefaultKernel"/>.</summary>
    public static bool TryParseKernel(string word, out KernelVersion kernel)
    {
        int at = Array.FindIndex(KernelWords, k => k.Word == (word.Length == 0 ? DefaultKernel : word));
        kernel = at < 0 ? default : KernelWords[at].Kernel;
        return at >= 0;
    }

    /// <summary>The word for a platform.</summary>
    public static string NameOf(Platform platform) => Array.Find(PlatformWords, p => p.Platform == platform).Word;

    /// <summary>The word for a kernel.</summary>
    public static string NameOf(KernelVersion kernel) => Array.Find(KernelWords, k => k.Kernel == kernel).Word;
}
