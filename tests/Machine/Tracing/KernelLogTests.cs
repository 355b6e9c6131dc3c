using CocoGuest.Machine.Diagnostics;

namespace CocoGuest.Tests.Machine.Tracing;

[Statement("S-UNV-56")]
public class KernelLogTests
{
    [Fact]
    public void WarnOnce_SameSite_PrintsOnce()
    {
        var log = new KernelLog(new HandClock());

        log.WarnOnce("a", "first");
        log.WarnOnce("a", "second");
        log.WarnOnce("b", "other");

        Assert.Equal(["first", "other"], log.Lines().Select(line => line.Text));
    }

    [Theory]
    [InlineData(5.0, 10, 1)]
    [InlineData(5.001, 11, 0)]
    public void WarnRateLimited_EleventhLine_WaitsForTheNextInterval(double seconds, int printed, ulong suppressed)
    {
        var clock = new HandClock();
        var log = new KernelLog(clock);
        for (int i = 0; i < 10; i++)
        {
            log.WarnRateLimited("a", "line");
        }

        clock.Advance(TimeSpan.FromSeconds(seconds));
        log.WarnRateLimited("a", "line");

        Assert.Equal((printed, suppressed), (log.Lines().Count, log.Suppressed));
    }

    [Fact]
    public void WarnRateLimited_OtherSite_HasItsOwnLimit()
    {
        var log = new KernelLog(new HandClock());
        for (int i = 0; i < 10; i++)
        {
            log.WarnRateLimited("a", "line");
        }

        log.WarnRateLimited("b", "other");

        Assert.Equal("other", log.Lines()[^1].Text);
    }

    [Fact]
    public void Lines_MoreThanTheRingHolds_KeepsTheNewest()
    {
        var clock = new HandClock();
        var log = new KernelLog(clock, capacity: 2);
        log.Info("a");
        log.Info("b");
        clock.Advance(TimeSpan.FromSeconds(1));
        log.Warn("c");

        Assert.Equal(
            [new KernelLogLine(1, TimeSpan.Zero, false, "b"), new KernelLogLine(2, TimeSpan.FromSeconds(1), true, "c")], log.Lines());
    }

    private sealed class HandClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan by) => _now += by.Ticks;
    }
}
