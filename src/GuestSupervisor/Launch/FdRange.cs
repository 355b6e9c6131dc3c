using CocoGuest.Supervisor.Target;

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
    private const ulong UsualSoft = 1024;

    /// <summary>
    /// By the limits that the caller's parent has: a .NET program raises its own soft limit before anybody can ask it.
    /// </summary>
    public static FdRange Choose()
    {
        int? parent = ProcFolder.ParentOf(Environment.ProcessId);
        (ulong soft, ulong hard) = (parent is { } pid ? ProcFolder.OpenFilesOf(pid) : null) ?? ProcFolder.OpenFilesOf(Environment.ProcessId)
            ?? (UsualSoft, LeastLimit);
        return Choose(soft, hard);
    }

    /// <summary>The top quarter of the limit, at most 1024 numbers.</summary>
    public static FdRange Choose(ulong soft, ulong hard)
    {
        int limit = (int)Math.Min(Math.Min(Math.Max(soft, LeastLimit), hard), MostLimit);
        return new FdRange(limit - Math.Min(Wanted, limit / 4), limit);
    }
}
