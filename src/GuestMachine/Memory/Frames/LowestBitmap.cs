using System.Numerics;

namespace CocoGuest.Machine.Memory.Frames;

/// <summary>
/// A set of small integers that answers "which is the lowest member" in a few word reads: level 0 holds one bit per
/// integer, each level above one bit per word below, up to a single word. Never allocates after construction.
/// </summary>
internal sealed class LowestBitmap
{
    private const int WordShift = 6;

    // _levels[0] is the set itself; the last level is one word.
    private readonly ulong[][] _levels;

    /// <summary>An empty set over 0..<paramref name="size"/>-1.</summary>
    public LowestBitmap(int size)
    {
        var levels = new List<ulong[]>();
        int bits = Math.Max(size, 1);
        do
        {
            bits = (int)(((long)bits + 63) >> WordShift);
            levels.Add(new ulong[bits]);
        }
        while (bits > 1);
        _levels = [.. levels];
    }

    /// <summary>True when there is no member.</summary>
    public bool IsEmpty => _levels[^1][0] == 0;

    /// <summary>True when the integer is a member.</summary>
    public bool Contains(int value) => (_levels[0][value >> WordShift] >> value & 1) != 0;

    /// <summary>Adds the integer; adding a member again changes nothing.</summary>
    public void Add(int value)
    {
        foreach (ulong[] level in _levels)
        {
            ref ulong word = ref level[value >> WordShift];
            ulong before = word;
            word = before | 1UL << value;
            if (before != 0)
                return;
            value >>= WordShift;
        }
    }

    /// <summary>Removes the integer; removing a stranger changes nothing.</summary>
    public void Remove(int value)
    {
        foreach (ulong[] level in _levels)
        {
            ref ulong word = ref level[value >> WordShift];
            word &= ~(1UL << value);
            if (word != 0)
                return;
            value >>= WordShift;
        }
    }

    /// <summary>The lowest member. Only for a set that is not empty.</summary>
    public int Lowest()
    {
        int value = 0;
        for (int level = _levels.Length - 1; level >= 0; level--)
            value = value << WordShift | BitOperations.TrailingZeroCount(_levels[level][value]);
        return value;
    }
}
