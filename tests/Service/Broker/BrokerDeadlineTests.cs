using CocoGuest.Tests.Service.Control;
using CocoGuest.Tests.Service.Hosting;

namespace CocoGuest.Tests.Service.Broker;

/// <summary>Half a message holds a slot of the broker for a time, not for ever; silence between messages is allowed.</summary>
public sealed class BrokerDeadlineTests : ServerTest
{
    private const int Late = 305;
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Host.Logs.Expected.Add(Late);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(24)]
    [InlineData(31)]
    public async Task Connection_ThatSaysLessThanARequest_IsHungUpOn(int bytes)
    {
        using var client = new FdSocket(Host.Server.BrokerPath);
        client.Send(BrokerClient.Request(new string('0', 32)).AsSpan(0, bytes));
        await AdvanceUntilAsync(client);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(24)]
    [InlineData(100)]
    public async Task ControlRequest_ThatEndsInTheMiddle_IsHungUpOn(int bytes)
    {
        using var client = new FdSocket(Host.Server.BrokerPath);
        client.Send(ControlClient.Request(ControlClient.OpenProcess, 1, "", "x").AsSpan(0, bytes));
        await AdvanceUntilAsync(client);
    }

    [Fact]
    public void Connection_ThatIsSilentBetweenRequests_StaysOpen()
    {
        using var client = ControlClient.Open(Host.Server.BrokerPath);
        for (int i = 0; i < 60; i++)
        {
            Host.Time.Advance(Minute);
            client.Call(ControlClient.ListHeaps);
        }
    }

    // The clock moves on until the server hangs up: it starts to count when it has read what was sent.
    private async Task AdvanceUntilAsync(FdSocket client)
    {
        Task<bool> ended = Task.Run(() =>
        {
            Microsoft.Win32.SafeHandles.SafeFileHandle? fd = null;
            return !client.Receive(new byte[1], ref fd);
        });
        Eventually(() =>
        {
            Host.Time.Advance(Minute);
            return ended.IsCompleted;
        });
        Assert.True(await ended);
        using var next = new ControlClient(Host.Server.BrokerPath);
        next.Call(ControlClient.Hello, 1, 0);
    }
}
