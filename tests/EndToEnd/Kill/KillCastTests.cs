using System.Globalization;
using CocoGuest.Client;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Kill;

/// <summary>
/// kill -9 of each process of the demo at each step: nothing of it remains in the guest, what others hold stays, and they work on. What
/// must be left is computed from the play, not from a run.
/// </summary>
public sealed class KillCastTests(SharedServer shared) : IClassFixture<SharedServer>
{
    public static TheoryData<CastStep, CastRole> Cases
    {
        get
        {
            var cases = new TheoryData<CastStep, CastRole>();
            foreach (CastStep step in Enum.GetValues<CastStep>())
            {
                foreach (CastRole role in Enum.GetValues<CastRole>())
                {
                    cases.Add(step, role);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    [Statement("S-BUF-90", "S-BUF-92")]
    public async Task Kill_EachProcessAtEachStep_NothingOfItRemainsAndOthersWorkOn(CastStep step, CastRole victim)
    {
        string guest = string.Create(CultureInfo.InvariantCulture, $"kill-{victim}-at-{step}");
        using CocoConnection connection = shared.Server.Connect();
        await shared.Server.CreateGuestAsync(guest);
        GuestCensus empty = await GuestCensus.TakeAsync(connection, guest);
        await using var cast = new Cast(shared.Server, guest);
        await cast.PlayAsync(step);
        Assert.Equal(Holdings.After(step, cast.Living), Holdings.Between(empty, await GuestCensus.TakeAsync(connection, guest)));

        await cast.KillAsync(victim);
        GuestCensus left = await GuestCensus.UntilAsync(
            connection, guest, census => census.Objects.Processes - empty.Objects.Processes == (ulong)cast.Living.Count);

        Assert.Equal(Holdings.After(step, cast.Living), Holdings.Between(empty, left));
        await cast.WorkOnAsync(step);
        Assert.Equal(Holdings.After(step, cast.Living), Holdings.Between(empty, await GuestCensus.TakeAsync(connection, guest)));
        await cast.ExitAllAsync();
        Assert.Equal(empty, await GuestCensus.TakeAsync(connection, guest));
        await connection.Host.DestroyGuestAsync(new V1.DestroyGuestRequest { Guest = guest });
    }

    [Fact]
    public async Task Kill_SenderAfterItsWrite_BytesStay()
    {
        await shared.Server.CreateGuestAsync("kill-after-write");
        await using var cast = new Cast(shared.Server, "kill-after-write");
        await cast.PlayAsync(CastStep.Connected);

        await cast.KillAsync(CastRole.Sender);

        Assert.Equal(Cast.SentBytes, await cast.ReadPictureAsync());
    }

    [Fact]
    public async Task Kill_ClientOverTcp_NothingOfItRemainsAfterTheGraceTime()
    {
        using CocoConnection connection = shared.Server.Connect();
        await shared.Server.CreateGuestAsync("kill-tcp");
        GuestCensus empty = await GuestCensus.TakeAsync(connection, "kill-tcp");
        await using var importer = LineProgram.Start(
            Programs.RdmaImporter, "--server", $"http://{shared.Server.Tcp}", "--guest", "kill-tcp");
        await importer.ReadyAsync();
        int fd = (await importer.CallAsync("alloc", new() { ["heap"] = "system", ["len"] = 65536 }))["fd"]!.GetValue<int>();
        await importer.CallAsync("reg", new() { ["fd"] = fd });
        Assert.NotEqual(0UL, (await GuestCensus.TakeAsync(connection, "kill-tcp")).SlotsUsed);

        importer.Program.Kill();

        GuestCensus left = await GuestCensus.UntilAsync(
            connection, "kill-tcp", census => census.Objects.Processes == empty.Objects.Processes);
        Assert.Equal(empty, left);
    }
}
