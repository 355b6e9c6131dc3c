using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Reads the name of a boot. Names are words joined by underscores; each word says one thing, in this table, so names never seen before
/// work as well.
/// </summary>
internal static class BootTable
{
    private const ulong SmallGuest = 512UL << 20;
    private const ulong LargeGuest = 5UL << 30;

    // Boots of these families had a pool of 1024 slots where they had one; the others have the default size.
    private static readonly HashSet<string> FamiliesWithSmallPool = new(StringComparer.Ordinal)
    {
        "importer", "dma_page", "dma_phys", "dma_sg", "dma_query", "dma_resource", "dma_alloc", "swiotlb_slots",
    };

    private static readonly string[] KnownWords =
        ["plain", "coco", "swiotlb_force", "no_swiotlb", "noforce", "pool_fail", "5g", "2cpu", "on_cpu0", "on_cpu1", "72", "73"];

    /// <summary>The boot of a file.</summary>
    /// <param name="name">Name in its records.</param>
    /// <param name="families">Families in the file.</param>
    public static BootSpec Of(string name, IReadOnlySet<string> families)
    {
        HashSet<string> words = WordsOf(name);
        bool claims = words.Contains("coco");
        KernelVersion kernel = words.Contains("73") ? KernelVersion.V73
            : words.Contains("72") ? KernelVersion.V72
            : claims ? KernelVersion.V612Seed
            : KernelVersion.V612;
        bool small = words.Contains("pool_fail") || families.Overlaps(FamiliesWithSmallPool);
        return new BootSpec(
            name,
            kernel,
            claims,
            SwiotlbOf(words, small),
            words.Contains("5g") ? LargeGuest : SmallGuest,
            words.Contains("2cpu") ? 2 : 1,
            words.Contains("on_cpu1") ? 1 : 0,
            words.Contains("pool_fail") ? Errno.EIO : Errno.None);
    }

    /// <summary>What a name has behind its known words; null: it has no other words.</summary>
    public static string? UnknownIn(string name)
    {
        (_, string rest) = Split(name);
        return rest.Length == 0 ? null : rest;
    }

    private static string SwiotlbOf(HashSet<string> words, bool small)
    {
        string mode = words.Contains("swiotlb_force") ? "force" : words.Contains("noforce") ? "noforce" : "";
        return !small || mode == "noforce" ? mode : mode.Length == 0 ? "1024" : "1024," + mode;
    }

    private static HashSet<string> WordsOf(string name) => Split(name) is (var words, "")
        ? words
        : throw new InvalidDataException($"Boot '{name}' has other words than {string.Join(", ", KnownWords)}.");

    // The known words that a name begins with, and the rest.
    private static (HashSet<string> Words, string Other) Split(string name)
    {
        var words = new HashSet<string>(StringComparer.Ordinal);
        string rest = name;
        while (rest.Length > 0
            && KnownWords.FirstOrDefault(w => rest == w || rest.StartsWith(w + "_", StringComparison.Ordinal)) is { } word)
        {
            words.Add(word);
            rest = rest.Length == word.Length ? "" : rest[(word.Length + 1)..];
        }

        return (words, rest);
    }
}
