using CocoGuest.Machine;

namespace CocoGuest.Service.Processes;

/// <summary>
/// Drops share tokens whose time is over, so that their buffers do not live on in a guest that nobody calls. One timer for all guests,
/// armed only while a token may be in flight.
/// </summary>
internal sealed class ShareTokenReaper(GuestHost host, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private readonly Lock _lock = new();
    private ITimer? _timer;
    private long _last;
    private bool _armed;

    /// <summary>A token was made that lives this long.</summary>
    public void Note(TimeSpan life)
    {
        long expires = time.GetTimestamp() + (long)(life.TotalSeconds * time.TimestampFrequency);
        lock (_lock)
        {
            _last = Math.Max(_last, expires);
            if (!_armed)
            {
                _armed = true;
                _timer ??= time.CreateTimer(_ => Reap(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                _timer.Change(Period, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _timer?.Dispose();
        }
    }

    private void Reap()
    {
        foreach (Guest guest in host.List())
        {
            guest.Buffers.ExpireTokens();
        }

        lock (_lock)
        {
            _armed = time.GetTimestamp() < _last + (long)(Period.TotalSeconds * time.TimestampFrequency);
            if (_armed)
            {
                _timer!.Change(Period, Timeout.InfiniteTimeSpan);
            }
        }
    }
}
