using CocoGuest.Service.Budgets;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Probing;

namespace CocoGuest.Tests.Service.Budgets;

/// <summary>A client that begins calls and gives them up, as fast as it can write.</summary>
public sealed class RapidResetTests : ServerTest
{
    [Fact]
    public async Task Resets_BeyondTheBudget_EndTheConnectionAndNoOther()
    {
        using var attacker = new RawHttp2(Host.Server.SocketPath);
        using var bystander = new RawHttp2(Host.Server.SocketPath);
        var attack = Task.Run(() =>
        {
            int stream = 1;
            while (attacker.TryBegin(stream, "/cocoguest.v1.GuestService/ListHeaps") && attacker.TryCancel(stream))
            {
                stream += 2;
            }
        });
        for (int stream = 1; !attack.IsCompleted; stream += 2)
        {
            bystander.Begin(stream, "/cocoguest.v1.GuestService/ListHeaps", "x");
            bystander.Write(stream, end: true, 0, 0, 0, 0, 0);
            Assert.True(bystander.Succeeds(stream));
        }

        await attack.WaitAsync(Patience);
    }

    [Fact]
    public void IsTooMany_OfResets_CountsOnlyThoseBeyondWhatWasCarriedOut()
    {
        var count = new ResetCount();
        for (int i = 0; i < 10 * ResetCount.Most; i++)
        {
            Assert.False(count.IsTooMany(true, 0, 1000));
            Assert.False(count.IsTooMany(false, 0, 1000));
        }

        for (int i = 0; i < ResetCount.Most; i++)
        {
            Assert.False(count.IsTooMany(true, 1, 1000));
        }

        Assert.False(count.IsTooMany(true, 1000, 1000));
        for (int i = 1; i < ResetCount.Most; i++)
        {
            Assert.False(count.IsTooMany(true, 1001, 1000));
        }

        Assert.True(count.IsTooMany(true, 1001, 1000));
    }
}
