namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <summary>Random numbers from a seed, cheap enough for millions of steps (SplitMix64).</summary>
internal sealed class Dice(ulong seed)
{
    private ulong _state = seed;

    /// <summary>64 random bits.</summary>
    public ulong Bits()
    {
        ulong z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// <summary>A number below a bound.</summary>
    public int Below(int bound) => (int)((Bits() >> 32) * (ulong)bound >> 32);

    /// <summary>True once in this many calls, on average.</summary>
    public bool OneIn(int many) => Below(many) == 0;

    /// <summary>Any of a list.</summary>
    public T Any<T>(IReadOnlyList<T> list) => list[Below(list.Count)];
}
