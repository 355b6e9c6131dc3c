using System.Text.Json.Nodes;
using CocoGuest.Client;
using CocoGuest.Tests.EndToEnd.Clients;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Kill;

/// <summary>What becomes of the tokens of a process that is killed.</summary>
public sealed class KillTokenTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const ulong DefaultLife = 0;
    private const ulong ShortLife = 50_000_000;

    [Fact]
    public async Task Kill_HolderOfAnUnredeemedFdToken_TokenIsUnknown()
    {
        using CocoConnection connection = shared.Server.Connect();
        (JsonNode tokens, _, _) = await KillHolderAsync(connection, "fd-token", DefaultLife);
        using var broker = BrokerConnection.Connect(shared.Server.BrokerPath);

        CocoException refused = await Assert.ThrowsAsync<CocoException>(() => broker.RedeemAsync(tokens["fdToken"]!.ToString()));

        Assert.Equal("ENOENT", refused.ErrnoName);
    }

    [Fact]
    [Statement("S-BUF-90")]
    public async Task Kill_ExporterWithATokenInFlight_BufferLivesInTheToken()
    {
        using CocoConnection connection = shared.Server.Connect();
        (_, GuestCensus empty, GuestCensus left) = await KillHolderAsync(connection, "in-flight", DefaultLife);

        Assert.Equal((1UL, 1UL), (left.Objects.ShareTokens - empty.Objects.ShareTokens, left.Objects.Buffers - empty.Objects.Buffers));
        Assert.Equal((empty.Objects.Fds, empty.Objects.Mappings), (left.Objects.Fds, left.Objects.Mappings));
    }

    [Fact]
    [Statement("S-BUF-90", "S-BUF-93")]
    public async Task Kill_ExporterWithATokenInFlight_ImporterGetsTheBytes()
    {
        using CocoConnection connection = shared.Server.Connect();
        (JsonNode tokens, GuestCensus empty, _) = await KillHolderAsync(connection, "heir", DefaultLife);
        await using (GuestProcess heir = await GuestProcess.OpenAsync(connection, "heir", "heir"))
        {
            await using GuestBuffer buffer = await heir.ImportAsync(tokens["shareToken"]!.ToString());
            await using MappedMemory memory = await buffer.MmapAsync();

            Assert.Equal(-1, memory.Span.IndexOfAnyExcept(TokenHolder.Mark));
        }

        Assert.Equal(empty, await GuestCensus.TakeAsync(connection, "heir"));
    }

    [Fact]
    public async Task Kill_ExporterOfAShortLivedToken_NothingRemainsAfterItsTime()
    {
        using CocoConnection connection = shared.Server.Connect();
        (_, GuestCensus empty, _) = await KillHolderAsync(connection, "expiry", ShortLife);

        GuestCensus left = await GuestCensus.UntilAsync(
            connection, "expiry", census => census.Objects.ShareTokens == empty.Objects.ShareTokens);

        Assert.Equal(empty, left);
    }

    [Fact]
    public async Task Kill_HoldersOneAfterAnother_ServerKeepsNoDescriptorOfThem()
    {
        using CocoConnection connection = shared.Server.Connect();
        // The first one makes the server open what it keeps for good.
        await KillHolderAsync(connection, "descriptors-0", ShortLife);
        string folder = $"/proc/{shared.Server.Program.Pid}/fd";
        await NoTokensAsync(connection, "descriptors-0");
        int before = Directory.GetFiles(folder).Length;

        await KillHolderAsync(connection, "descriptors-1", ShortLife);
        await KillHolderAsync(connection, "descriptors-2", ShortLife);
        await NoTokensAsync(connection, "descriptors-1");
        await NoTokensAsync(connection, "descriptors-2");

        // Sockets close a moment after the process is gone; the calls in between are what this waits on.
        await GuestCensus.UntilAsync(connection, "descriptors-2", _ => Directory.GetFiles(folder).Length <= before);
    }

    [Fact]
    public async Task Descriptors_WhileAHolderLives_AreMore()
    {
        // What the test above counts does count: without this it could pass with a server that shows nothing.
        using CocoConnection connection = shared.Server.Connect();
        await KillHolderAsync(connection, "alive-0", ShortLife);
        await NoTokensAsync(connection, "alive-0");
        string folder = $"/proc/{shared.Server.Program.Pid}/fd";
        int before = Directory.GetFiles(folder).Length;
        await using ChildProgram holder = TokenHolder.Start(shared.Server.Unix, "alive-0", DefaultLife);

        await holder.ReadLineAsync(line => line.StartsWith('{'));

        Assert.True(Directory.GetFiles(folder).Length > before);
    }

    private static Task<GuestCensus> NoTokensAsync(CocoConnection connection, string guest) =>
        GuestCensus.UntilAsync(connection, guest, census => census.Objects.Buffers == 0);

    /// <summary>Starts a holder in a guest of its own, kills it, and waits until its process is gone.</summary>
    private async Task<(JsonNode Tokens, GuestCensus Empty, GuestCensus Left)> KillHolderAsync(
        CocoConnection connection, string guest, ulong life)
    {
        await shared.Server.CreateGuestAsync(guest);
        GuestCensus empty = await GuestCensus.TakeAsync(connection, guest);
        await using ChildProgram holder = TokenHolder.Start(shared.Server.Unix, guest, life);
        string tokens = await holder.ReadLineAsync(line => line.StartsWith('{'));
        holder.Kill();
        GuestCensus left = await GuestCensus.UntilAsync(connection, guest, census => census.Objects.Processes == empty.Objects.Processes);
        return (JsonNode.Parse(tokens)!, empty, left);
    }
}
