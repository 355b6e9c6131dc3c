using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Dma.Swiotlb;

/// <summary>
/// The kernel command line word <c>swiotlb=[slots][,areas][,force|noforce][,track_hiwater]</c> (S-SWI-08).
/// Models: order of the parts, C number prefixes, whole-word comparison up to 7.2 and prefix comparison in 7.3.
/// Does not model: several <c>swiotlb=</c> words on one line.
/// </summary>
/// <param name="Slots">Slots asked for, rounded up to a segment of 128; null when not given.</param>
/// <param name="Areas">Areas asked for, as written (0 counts as 1 later); null when not given.</param>
/// <param name="Force">True for <c>force</c>.</param>
/// <param name="NoForce">True for <c>noforce</c>: no pool is made.</param>
/// <param name="TrackHighWater">True for <c>track_hiwater</c> (7.3).</param>
/// <param name="Ignored">The rest that the kernel silently ignores; empty when it understood everything.</param>
public sealed record SwiotlbOptions(uint? Slots, uint? Areas, bool Force, bool NoForce, bool TrackHighWater, string Ignored)
{
    // 2^20 slots are 2 GiB: twice the largest pool that the kernel sizes by itself (S-SWI-05).
    private const ulong MostSlots = 1 << 20;
    private const ulong MostAreas = 1 << 13;
    private const string ForceWord = "force";
    private const string NoForceWord = "noforce";
    private const string TrackWord = "track_hiwater";

    /// <summary>Nothing on the command line.</summary>
    public static SwiotlbOptions Default { get; } = new(null, null, false, false, false, string.Empty);

    /// <summary>Reads the text behind <c>swiotlb=</c> as the given kernel does.</summary>
    /// <returns>
    /// The options; EINVAL when the text cannot stand in a command line word or a number is beyond what a guest can hold.
    /// </returns>
    public static Result<SwiotlbOptions> Parse(string text, KernelVersion kernel)
    {
        ArgumentNullException.ThrowIfNull(text);
        foreach (char c in text)
        {
            if (c is <= ' ' or > '~')
            {
                return Refuse($"swiotlb={text}: a command line word holds no blank and no control character.");
            }
        }

        ReadOnlySpan<char> rest = text;
        ulong? slots = TakeNumber(ref rest);
        TakeComma(ref rest);
        ulong? areas = TakeNumber(ref rest);
        TakeComma(ref rest);
        if (slots > MostSlots || areas > MostAreas)
        {
            return Refuse($"swiotlb={text}: at most {MostSlots} slots and {MostAreas} areas.");
        }

        bool byPrefix = DmaKernelRules.Of(kernel).SwiotlbWordsByPrefix;
        bool force = TakeWord(ref rest, ForceWord, byPrefix);
        bool noForce = !force && TakeWord(ref rest, NoForceWord, byPrefix);
        bool track = false;
        if (byPrefix)
        {
            TakeComma(ref rest);
            track = TakeWord(ref rest, TrackWord, byPrefix);
        }

        uint? rounded = slots is { } s ? (uint)SwiotlbPool.RoundUp(s, SwiotlbPool.SegmentSlots) : null;
        return new SwiotlbOptions(rounded, (uint?)areas, force, noForce, track, rest.ToString());
    }

    private static Failure Refuse(string sentence) => new(Errno.EINVAL, "swiotlb=", "parse", sentence, "swiotlb");

    private static void TakeComma(ref ReadOnlySpan<char> rest)
    {
        if (rest is [',', ..])
        {
            rest = rest[1..];
        }
    }

    private static bool TakeWord(ref ReadOnlySpan<char> rest, string word, bool byPrefix)
    {
        bool found = byPrefix ? rest.StartsWith(word, StringComparison.Ordinal) : rest.SequenceEqual(word);
        rest = found ? rest[word.Length..] : rest;
        return found;
    }

    /// <summary>
    /// A number with C's prefixes (0x hexadecimal, 0 octal) if the text starts with a digit; stops at the first other character.
    /// </summary>
    private static ulong? TakeNumber(ref ReadOnlySpan<char> rest)
    {
        if (rest.IsEmpty || !char.IsAsciiDigit(rest[0]))
        {
            return null;
        }

        uint radix = 10;
        if (rest is ['0', 'x' or 'X', ..] && rest.Length > 2 && char.IsAsciiHexDigit(rest[2]))
        {
            radix = 16;
            rest = rest[2..];
        }
        else if (rest[0] == '0')
        {
            radix = 8;
        }

        ulong value = 0;
        while (!rest.IsEmpty && char.IsAsciiHexDigit(rest[0]) && Digit(rest[0]) is var digit && digit < radix)
        {
            // Saturates far above every limit, so that a long number cannot wrap into a valid one.
            value = Math.Min((value * radix) + digit, uint.MaxValue);
            rest = rest[1..];
        }

        return value;
    }

    private static uint Digit(char c) => (uint)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}
