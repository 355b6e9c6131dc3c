using System.Numerics;

namespace CocoGuest.Machine.PageState;

/// <summary>Bulk work on state bytes, a vector at a time. No allocation.</summary>
internal static class WordBits
{
    /// <summary>Sets and clears bits in every byte.</summary>
    public static void Change(Span<byte> words, byte set, byte clear)
    {
        int at = 0;
        Vector<byte> setAll = new(set);
        Vector<byte> clearAll = new(clear);
        for (; at <= words.Length - Vector<byte>.Count; at += Vector<byte>.Count)
        {
            Span<byte> part = words[at..];
            Vector<byte> changed = Vector.AndNot(new Vector<byte>(part), clearAll) | setAll;
            changed.CopyTo(part);
        }
        for (; at < words.Length; at++)
            words[at] = (byte)((words[at] & ~clear) | set);
    }

    /// <summary>Index of the first byte whose masked bits differ from the value, or the length.</summary>
    public static int CountEqual(ReadOnlySpan<byte> words, byte mask, byte value)
    {
        int at = 0;
        Vector<byte> maskAll = new(mask);
        Vector<byte> valueAll = new(value);
        while (at <= words.Length - Vector<byte>.Count && Vector.EqualsAll(new Vector<byte>(words[at..]) & maskAll, valueAll))
            at += Vector<byte>.Count;
        while (at < words.Length && (words[at] & mask) == value)
            at++;
        return at;
    }
}
