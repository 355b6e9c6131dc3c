using System.Globalization;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// How the device of a slot sequence wants its slots aligned: in the name of the case alone, as a word <c>align…</c> and a mask in hex.
/// </summary>
internal static class AlignName
{
    private const string Word = "align";

    /// <summary>The mask; 0 where the name says none.</summary>
    public static ulong Of(ReplayCase c) =>
        c.Name.Split('.').Where(word => word.StartsWith(Word, StringComparison.Ordinal)).Select(MaskOf).FirstOrDefault();

    private static ulong MaskOf(string word) =>
        ulong.TryParse(word.AsSpan(Word.Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong mask) ? mask : 0;
}
