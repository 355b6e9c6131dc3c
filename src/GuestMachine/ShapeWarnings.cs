using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine;

/// <summary>
/// Sentences on what the kernel of a guest does not take as it may have been meant. The kernel itself says nothing: words of its command
/// line that it does not know are ignored.
/// </summary>
public static class ShapeWarnings
{
    private const string SizeSuffixes = "KMG";

    /// <summary>The sentences on a shape that a guest was made of.</summary>
    public static IReadOnlyList<string> Of(Guest guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        GuestShape shape = guest.Shape;
        Result<SwiotlbOptions> options = SwiotlbOptions.Parse(shape.Swiotlb, shape.Kernel);
        return options is { Ok: true, Value.Ignored.Length: > 0 } ? [OfSwiotlb(guest, options.Value)] : [];
    }

    private static string OfSwiotlb(Guest guest, SwiotlbOptions options)
    {
        string pool = guest.Snapshot().Dma.DefaultPool is { } made
            ? string.Create(
                CultureInfo.InvariantCulture, $"the pool has {made.Slots} slots ({Size((ulong)made.Slots << SwiotlbPool.SlotShift)})")
            : "there is no pool";
        string text = guest.Shape.Swiotlb;
        string ignored = $"swiotlb={text}: kernel {KernelProfile.Of(guest.Shape.Kernel).Name} ignores '{options.Ignored}'; {pool}.";
        return SlotsOfSize(text) is { } slots
            ? $"{ignored} The number counts slots of {1 << SwiotlbPool.SlotShift} bytes, not bytes: for a pool of {text} write "
                + $"swiotlb={slots}."
            : ignored;
    }

    // The slots of a pool of 64M, where somebody wrote a size.
    private static ulong? SlotsOfSize(string text) =>
        text.Length > 1 && SizeSuffixes.Contains(char.ToUpperInvariant(text[^1]), StringComparison.Ordinal)
        && GuestShapeRules.TryParseSize(text, out ulong bytes)
            ? Math.Max(bytes >> SwiotlbPool.SlotShift, 1)
            : null;

    private static string Size(ulong bytes) => bytes % (1 << 20) == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes >> 20} MiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes >> 10} KiB");
}
