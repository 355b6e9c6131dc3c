using CocoGuest.Service.Logging;
using CocoGuest.Tests.Service.Hosting;

namespace CocoGuest.Tests.Service.Logging;

/// <summary>What others provoke is one line a second for each kind.</summary>
public sealed class CountedLoggerTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly RecordedLogs _logs = new();

    public void Dispose() => _logs.Dispose();

    [Fact]
    public void Log_OfManyOfOneKind_IsOneLineASecondAndTheirNumber()
    {
        var log = new CountedLogger(_logs.CreateLogger("c"), _time);
        for (int second = 0; second < 3; second++)
        {
            for (int i = 0; i < 1000; i++)
            {
                ServiceLog.StrangerRefused(log, 4711);
            }

            Assert.Equal((2 * second) + 1, _logs.Records.Count);
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal((2 * second) + 2, _logs.Records.Count);
            Assert.Contains("999 more of that kind within a second: StrangerRefused", _logs.Records.Last().Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Log_OfDifferentKinds_IsALineEach()
    {
        var log = new CountedLogger(_logs.CreateLogger("c"), _time);
        ServiceLog.StrangerRefused(log, 1);
        ServiceLog.BrokerFull(log, 1);
        ServiceLog.BrokerRequestMalformed(log);
        Assert.Equal([100, 300, 302], _logs.Records.Select(r => r.Id.Id));
    }

    [Fact]
    public void Log_OfGuestsThatTheOwnerMade_IsALineEach()
    {
        var log = new CountedLogger(_logs.CreateLogger("c"), _time);
        ServiceLog.GuestTooLarge(log, "a", 512, 256, "the cgroup");
        ServiceLog.GuestTooLarge(log, "b", 512, 256, "the cgroup");
        ServiceLog.ShapeDoubtful(log, "a", "A sentence.");
        ServiceLog.ShapeDoubtful(log, "b", "A sentence.");
        Assert.Equal([7, 7, 8, 8], _logs.Records.Select(r => r.Id.Id));
    }

    [Fact]
    public void Log_OfOneKindNowAndThen_IsEveryLine()
    {
        var log = new CountedLogger(_logs.CreateLogger("c"), _time);
        for (int i = 0; i < 5; i++)
        {
            ServiceLog.BrokerRequestMalformed(log);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(Enumerable.Repeat(302, 5), _logs.Records.Select(r => r.Id.Id));
    }
}
