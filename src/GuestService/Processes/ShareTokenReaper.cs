using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Service.Processes;

/// <summary>
/// Drops share tokens whose time is over, so that their buffers do not live on in a guest that nobody calls. One timer for all guests,
/// armed only while a token may be in flight.
/// </summary>
internal sealed class ShareTokenReaper(GuestRegistry host, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private readonly Lock _lock = new();
    private ITimer? _timer;
    private long _last;
    private bool _armed;

    /// <summary>Makes a token for a buffer and sees to its end.</summary>
    /// <param name="process">Whose fd.</param>
    /// <param name="fd">The fd.</param>
    /// <param name="addressee">The only process that may import it; null: any of the guest.</param>
    /// <param name="life">How long it lives; zero: as long as the machine's default.</param>
    public Result<Handle128> Export(GuestProcess process, int fd, Handle128? addressee, TimeSpan life) =>
        Noted(process.Guest.Buffers.Export(process, fd, addressee, life), life);

    /// <summary>Makes a token for a dma-buf of a program under <c>coco run</c>, with the machine's default life.</summary>
    public Result<Handle128> Export(Guest guest, NativeFile file) => Noted(guest.Natives.Export(file, TimeSpan.Zero), TimeSpan.Zero);

    private Result<Handle128> Noted(Result<Handle128> token, TimeSpan life)
    {
        if (token.Ok)
        {
            Note(life == TimeSpan.Zero ? GuestLimits.DefaultTokenLife : life);
        }

        return token;
    }

    private void Note(TimeSpan life)
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
