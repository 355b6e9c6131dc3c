using CocoGuest.Service.Health;
using CocoGuest.Tests.Service.Grpc;
using FsCheck;
using FsCheck.Fluent;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace CocoGuest.Tests.Service.Health;

public sealed class HealthStateTests : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly HealthState _state;

    public HealthStateTests() => _state = new HealthState(_stopping.Token);

    public void Dispose() => _stopping.Dispose();

    [Fact]
    public void GetStatus_OfTheServer_IsServingFromTheStart() => Assert.Equal(ServingStatus.Serving, _state.GetStatus(""));

    [Fact]
    public void GetStatus_UnknownService_IsNull() => Assert.Null(_state.GetStatus("a.B"));

    [Fact]
    public void SetStatus_UnknownService_MakesItKnown()
    {
        _state.SetStatus("a.B", ServingStatus.NotServing);

        Assert.Equal(ServingStatus.NotServing, _state.GetStatus("a.B"));
    }

    [Fact]
    public void Watch_KnownService_GivesThePresentStatusAtOnce()
    {
        using HealthWatch watch = _state.Watch("");

        Assert.Equal([ServingStatus.Serving], Waiting(watch));
    }

    [Fact]
    public void Watch_UnknownService_GivesServiceUnknown()
    {
        using HealthWatch watch = _state.Watch("a.B");

        Assert.Equal([ServingStatus.ServiceUnknown], Waiting(watch));
    }

    [Fact]
    public void SetStatus_SeveralBeforeTheRead_LeavesTheNewest()
    {
        using HealthWatch watch = _state.Watch("");
        _state.SetStatus("", ServingStatus.Unknown);
        _state.SetStatus("", ServingStatus.NotServing);

        Assert.Equal([ServingStatus.NotServing], Waiting(watch));
    }

    [Fact]
    public void SetStatus_SameAsBefore_WakesNobody()
    {
        using HealthWatch watch = _state.Watch("");
        _ = Waiting(watch);

        _state.SetStatus("", ServingStatus.Serving);

        Assert.Empty(Waiting(watch));
    }

    [Fact]
    public void SetStatus_OfAnotherService_WakesNobody()
    {
        using HealthWatch watch = _state.Watch("");
        _ = Waiting(watch);

        _state.SetStatus("a.B", ServingStatus.NotServing);

        Assert.Empty(Waiting(watch));
    }

    [Fact]
    public async Task SetStatus_WatcherWaits_WakesIt()
    {
        using HealthWatch watch = _state.Watch("");
        _ = Waiting(watch);
        ValueTask<ServingStatus> next = watch.Updates.ReadAsync();

        _state.SetStatus("", ServingStatus.NotServing);

        Assert.Equal(ServingStatus.NotServing, await next.AsTask().WaitAsync(KestrelHost.Patience));
    }

    [Fact]
    public void WatchDispose_UnknownService_ForgetsTheName()
    {
        int before = _state.Count;

        _state.Watch("a.B").Dispose();

        Assert.Equal(before, _state.Count);
    }

    [Fact]
    public void WatchDispose_SecondWatcherLeft_StillWakesThatOne()
    {
        using HealthWatch stays = _state.Watch("a.B");
        _state.Watch("a.B").Dispose();

        _state.SetStatus("a.B", ServingStatus.Serving);

        Assert.Equal([ServingStatus.Serving], Waiting(stays));
    }

    [Fact]
    public async Task Stop_Watcher_SeesNotServingAndTheEnd()
    {
        using HealthWatch watch = _state.Watch("");

        await _stopping.CancelAsync();

        Assert.Equal([ServingStatus.NotServing], await watch.Updates.ReadAllAsync().ToListAsync());
    }

    [Fact]
    public async Task Stop_StatusSetAfterwards_IsIgnored()
    {
        await _stopping.CancelAsync();

        _state.SetStatus("", ServingStatus.Serving);

        Assert.Equal(ServingStatus.NotServing, _state.GetStatus(""));
    }

    [Fact]
    public async Task Watch_AfterStop_GivesOneStatusAndEnds()
    {
        await _stopping.CancelAsync();
        using HealthWatch watch = _state.Watch("");

        Assert.Equal([ServingStatus.NotServing], await watch.Updates.ReadAllAsync().ToListAsync());
    }

    [Fact]
    public void SetStatus_AnySequence_LastReadIsLastSet() =>
        Prop.ForAll(
            Gen.Zip(Gen.Elements(ServingStatus.Serving, ServingStatus.NotServing, ServingStatus.Unknown), Gen.Elements(true, false))
                .NonEmptyListOf().ToArbitrary(),
            steps =>
            {
                using var stopping = new CancellationTokenSource();
                var state = new HealthState(stopping.Token);
                using HealthWatch watch = state.Watch("");
                var seen = new List<ServingStatus>();
                foreach ((ServingStatus status, bool read) in steps)
                {
                    state.SetStatus("", status);
                    if (read)
                    {
                        seen.AddRange(Waiting(watch));
                    }
                }

                seen.AddRange(Waiting(watch));
                return seen[^1] == steps[^1].Item1;
            }).QuickCheckThrowOnFailure();

    private static List<ServingStatus> Waiting(HealthWatch watch)
    {
        var list = new List<ServingStatus>();
        while (watch.Updates.TryRead(out ServingStatus status))
        {
            list.Add(status);
        }

        return list;
    }
}
