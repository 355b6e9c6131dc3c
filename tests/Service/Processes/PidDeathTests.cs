using CocoGuest.Machine;
using CocoGuest.Tests.Service.Hosting;

namespace CocoGuest.Tests.Service.Processes;

/// <summary>The death of the program at the other end of the Unix socket is the death of its process, without any grace time.</summary>
public sealed class PidDeathTests : ServerTest
{
    [Fact]
    public async Task Program_ThatIsKilled_TakesItsProcessAlongAtOnce()
    {
        using var relay = UnixRelay.Start(Host.Server.SocketPath);
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Over((_, _) => ValueTask.FromResult(relay.Stream)));
        await process.Client.AllocateBufferAsync(new() { Process = process.Handle, Heap = "system", Len = 1 });
        relay.Kill();

        // The clock stands still: the grace timer cannot be what ends it.
        Guest guest = Host.Part<GuestRegistry>().Find("").Value;
        Eventually(() => guest.Snapshot().Objects is { Processes: 1, Buffers: 0 });
    }

    [Fact]
    public async Task Program_ThatIsKilledAfterAnotherTookOver_TakesNothingAlong()
    {
        using var relay = UnixRelay.Start(Host.Server.SocketPath);
        using OpenedProcess first = await OpenedProcess.StartAsync(Host.Over((_, _) => ValueTask.FromResult(relay.Stream)));
        using OpenedProcess second = await OpenedProcess.RejoinAsync(Host.Unix(), first.Opened);
        relay.Kill();
        await second.Client.AllocateBufferAsync(new() { Process = second.Handle, Heap = "system", Len = 1 });
        Assert.Equal(2, Host.Part<GuestRegistry>().Find("").Value.Snapshot().Objects.Processes);
    }
}
