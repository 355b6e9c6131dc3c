using System.Globalization;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Parameters in a case's name. The recorder documents one such format: <c>phys.*</c> in family dma_trace, "one dma_map_phys by the private
/// driver". Attributes and direction stand in the steps as well; size and mask only in the name, as words <c>size…</c> and <c>mask…</c>. No
/// other family's names are read.
/// </summary>
/// <param name="Size">Bytes mapped.</param>
/// <param name="MaskBits">Bits of the device's DMA mask.</param>
internal sealed record PhysName(ulong Size, int MaskBits)
{
    private const string SizeWord = "size";
    private const string MaskWord = "mask";

    /// <summary>Whether a case of dma_trace is of this kind: the other kind has a buffer of a heap.</summary>
    public static bool IsMeant(ReplayCase c) => c.Input("heap") is null;

    /// <summary>The parameters, or null if the name does not have them.</summary>
    public static PhysName? Of(ReplayCase c)
    {
        string[] words = c.Name.Split('.');
        return Number(words, SizeWord) is { } size && Number(words, MaskWord) is { } mask && mask is > 0 and <= 64
            ? new PhysName(size, (int)mask)
            : null;
    }

    private static ulong? Number(string[] words, string prefix) =>
        words.Where(w => w.StartsWith(prefix, StringComparison.Ordinal))
            .Select(w => ulong.TryParse(w.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
                ? number
                : (ulong?)null)
            .FirstOrDefault(n => n is not null);
}
