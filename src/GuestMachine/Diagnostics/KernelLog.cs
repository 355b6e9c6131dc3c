namespace CocoGuest.Machine.Diagnostics;

/// <summary>
/// Models: a bounded ring of log lines, lines printed once per boot, and rate limits of 10 lines in 5 seconds of guest time per site
/// (S-UNV-56).
/// Does not model: log levels beyond information and warning, the kernel's own lines about suppressed ones.
/// Not thread-safe: the guest's lock orders its calls.
/// </summary>
public sealed class KernelLog : IKernelLog
{
    /// <summary>Lines kept by default.</summary>
    public const int DefaultCapacity = 1024;

    private const int Burst = 10;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _clock;
    private readonly long _boot;
    private readonly KernelLogLine[] _ring;
    private readonly HashSet<string> _once = [];
    private readonly Dictionary<string, RateLimit> _limits = [];
    private ulong _next;

    /// <summary>An empty log; boot is now.</summary>
    /// <param name="clock">The guest's clock.</param>
    /// <param name="capacity">Lines kept; older ones are overwritten.</param>
    public KernelLog(TimeProvider clock, int capacity = DefaultCapacity)
    {
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        _clock = clock;
        _boot = clock.GetTimestamp();
        _ring = new KernelLogLine[capacity];
    }

    /// <summary>Lines that sites kept back because of their rate limit.</summary>
    public ulong Suppressed { get; private set; }

    /// <inheritdoc/>
    public void Info(string text) => Add(false, text);

    /// <inheritdoc/>
    public void Warn(string text) => Add(true, text);

    /// <inheritdoc/>
    public bool MayWarnOnce(string site) => _once.Add(site);

    /// <inheritdoc/>
    public bool MayWarnRateLimited(string site)
    {
        TimeSpan now = Now();
        if (!_limits.TryGetValue(site, out RateLimit? limit))
        {
            _limits[site] = limit = new RateLimit { Start = now };
        }

        if (now - limit.Start > Interval)
        {
            limit.Start = now;
            limit.Printed = 0;
        }

        if (limit.Printed == Burst)
        {
            Suppressed++;
            return false;
        }

        limit.Printed++;
        return true;
    }

    /// <summary>The lines still held, oldest first.</summary>
    public IReadOnlyList<KernelLogLine> Lines()
    {
        ulong count = Math.Min(_next, (ulong)_ring.Length);
        var lines = new KernelLogLine[count];
        for (ulong i = 0; i < count; i++)
        {
            lines[i] = _ring[(_next - count + i) % (ulong)_ring.Length];
        }

        return lines;
    }

    private TimeSpan Now() => _clock.GetElapsedTime(_boot);

    private void Add(bool warning, string text)
    {
        _ring[_next % (ulong)_ring.Length] = new KernelLogLine(_next, Now(), warning, text);
        _next++;
    }

    private sealed class RateLimit
    {
        public TimeSpan Start { get; set; }

        public int Printed { get; set; }
    }
}
