using CocoGuest.Service.Budgets;
using CocoGuest.Tests.Service.Hosting;

namespace CocoGuest.Tests.Service.Budgets;

/// <summary>Room for long answers: shares, turns and stalls, without a server.</summary>
public sealed class AnswerRoomTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly AnswerRoom _room;

    public AnswerRoomTests() => _room = new AnswerRoom(_time);

    public void Dispose() => _room.Dispose();

    [Fact]
    public async Task Take_OfOneConnection_EndsAtItsShareAndGoesOnWhenItGivesBack()
    {
        using ClientConnection client = new FakeConnection().Client();
        Assert.Equal(AnswerRoom.MostOfOne, TakeAll(client));
        Task next = _room.TakeAsync(client, CancellationToken.None).AsTask();
        Assert.False(next.IsCompleted);
        _room.Give(client);
        await next.WaitAsync(ServerTest.Patience);
        Assert.Equal(AnswerRoom.MostOfOne, _room.InUse);
    }

    [Fact]
    public void Take_OfManyConnections_LeavesSomethingToThoseWhoComeLater()
    {
        List<int> shares = [];
        for (int i = 0; i < AnswerRoom.Places; i++)
        {
            shares.Add(TakeAll(new FakeConnection().Client()));
        }

        Assert.Equal((AnswerRoom.MostOfOne, AnswerRoom.Places), (shares[0], shares.Sum()));
        Assert.True(shares.Count(s => s > 0) >= 20, string.Join(' ', shares));
        Assert.Equal(shares.OrderDescending(), shares);
    }

    [Fact]
    public async Task Take_WhenAllPlacesAreHeldAndNothingMoves_EndsTheStalledAfterTheShortLimit()
    {
        List<FakeConnection> stalled = [];
        List<ClientConnection> clients = [];
        while (_room.InUse < AnswerRoom.Places)
        {
            stalled.Add(new FakeConnection());
            clients.Add(stalled[^1].Client());
            Assert.NotEqual(0, TakeAll(clients[^1]));
        }

        using ClientConnection late = new FakeConnection().Client();
        Task waits = _room.TakeAsync(late, CancellationToken.None).AsTask();
        _time.Advance(AnswerRoom.ShortLimit);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.All(stalled, s => Assert.True(s.Aborted));
        Assert.Equal(stalled.Count, _room.Stalled);
        _room.Give(clients[0]);
        await waits.WaitAsync(ServerTest.Patience);
    }

    [Fact]
    public void Give_WithinTheLimit_IsProgressAndEndsNobody()
    {
        var connection = new FakeConnection();
        using ClientConnection client = connection.Client();
        TakeAll(client);
        for (TimeSpan passed = TimeSpan.Zero; passed < 3 * AnswerRoom.StallLimit; passed += AnswerRoom.StallLimit / 2)
        {
            _time.Advance(AnswerRoom.StallLimit / 2);
            _room.Give(client);
            Assert.True(_room.TakeAsync(client, CancellationToken.None).AsTask().IsCompleted);
        }

        Assert.False(connection.Aborted);
        _time.Advance(AnswerRoom.StallLimit);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(connection.Aborted);
    }

    [Fact]
    public async Task Take_ThatIsGivenUp_LeavesNothing()
    {
        using ClientConnection client = new FakeConnection().Client();
        TakeAll(client);
        using var end = new CancellationTokenSource();
        Task waits = _room.TakeAsync(client, end.Token).AsTask();
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waits);
        for (int i = 0; i < AnswerRoom.MostOfOne; i++)
        {
            _room.Give(client);
        }

        Assert.Equal(0, _room.InUse);
    }

    private int TakeAll(ClientConnection client)
    {
        int taken = 0;
        while (true)
        {
            using var end = new CancellationTokenSource();
            Task turn = _room.TakeAsync(client, end.Token).AsTask();
            if (!turn.IsCompletedSuccessfully)
            {
                end.Cancel();
                Assert.True(turn.ContinueWith(_ => true, TaskScheduler.Default).Wait(ServerTest.Patience));
                return taken;
            }

            taken++;
        }
    }
}
