namespace CocoGuest.Tests.Replay;

/// <summary>The guest's clock: it stands still until a step says that time passed.</summary>
internal sealed class ReplayTime : TimeProvider
{
    private long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _ticks;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(_ticks);

    /// <summary>Lets time pass.</summary>
    public void Advance(TimeSpan span) => _ticks += span.Ticks;
}
