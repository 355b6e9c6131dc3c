using CocoGuest.Linux;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// Which fd numbers emulated files get: the top of what the program may have. A program whose limit is low gets a higher one, so that
/// its own numbers stay as they are.
/// </summary>
/// <param name="Floor">The first.</param>
/// <param name="Limit">RLIMIT_NOFILE of the program: the first that cannot be.</param>
internal readonly record struct FdRange(int Floor, int Limit)
{
    private const int Wanted = 1024;
    private const int LeastLimit = 4096;
    private const int MostLimit = 1 << 20;

    /// <summary>By the limits that this process was started with.</summary>
    public static FdRange Choose()
    {
        RLimit limit = StartState.Own.Files;
        return Choose(limit.Cur, limit.Max);
    }

    /// <summary>The top quarter of the limit, at most 1024 numbers.</summary>
    public static FdRange Choose(ulong soft, ulong hard)
    {
        int limit = (int)Math.Min(Math.Min(Math.Max(soft, LeastLimit), hard), MostLimit);
        return new FdRange(limit - Math.Min(Wanted, limit / 4), limit);
    }
}
