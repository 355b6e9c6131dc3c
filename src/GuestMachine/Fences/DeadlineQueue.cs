using CocoGuest.Machine.Gate;

namespace CocoGuest.Machine.Fences;

/// <summary>
/// What has to happen by a point of guest time if nothing else does: ends of waits, expiry of fences, patience of a move. In the order of
/// time, then of registration. One timer of the guest's clock, armed for the first.
/// </summary>
internal sealed class DeadlineQueue(TimeProvider time, GuestGate gate) : IDisposable
{
    private readonly SortedDictionary<(long Due, ulong Number), Action> _entries = [];
    private ITimer? _timer;
    private ulong _last;
    private bool _disposed;

    /// <summary>Guest time in nanoseconds.</summary>
    public ulong Now => (ulong)((Int128)time.GetTimestamp() * 1_000_000_000 / time.TimestampFrequency);

    /// <summary>Deadlines ahead.</summary>
    public int Count => _entries.Count;

    /// <summary>Registers an action; the key takes it back.</summary>
    public (long Due, ulong Number) Add(TimeSpan after, Action action)
    {
        long ahead = (long)((Int128)after.Ticks * time.TimestampFrequency / TimeSpan.TicksPerSecond);
        (long, ulong) key = (time.GetTimestamp() + ahead, ++_last);
        _entries.Add(key, action);
        Arm();
        return key;
    }

    /// <summary>Takes an action back; harmless once it ran.</summary>
    public void Remove((long Due, ulong Number) key) => _entries.Remove(key);

    /// <summary>Runs what is due.</summary>
    public void RunDue()
    {
        long now = time.GetTimestamp();
        while (_entries.Count != 0 && _entries.First() is var (key, action) && key.Due <= now)
        {
            _entries.Remove(key);
            action();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _entries.Clear();
        _timer?.Dispose();
    }

    private void Arm()
    {
        if (_entries.Count == 0 || _disposed)
        {
            return;
        }

        long ticks = Math.Max(0, _entries.First().Key.Due - time.GetTimestamp());
        _timer ??= time.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(TimeSpan.FromSeconds((double)ticks / time.TimestampFrequency), Timeout.InfiniteTimeSpan);
    }

    private void OnTimer()
    {
        using Lock.Scope held = gate.Hold();
        if (!_disposed)
        {
            RunDue();
            Arm();
        }
    }
}
