using System.Text.Json.Nodes;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>A foreign client's whole walk: what it printed, and what the guest held before and after it.</summary>
internal sealed record ForeignWalk(JsonNode Seen, GuestCensus Before, GuestCensus After)
{
    /// <summary>Runs a client to its end, which must be a success.</summary>
    public static async Task<ForeignWalk> RunAsync(ServerProcess server, Func<ChildProgram> start)
    {
        using Client.CocoConnection connection = server.Connect();
        GuestCensus before = await GuestCensus.TakeAsync(connection, "");
        await using ChildProgram program = start();
        string line = await program.ReadLineAsync(text => text.StartsWith('{'));
        int exitCode = await program.WaitForExitAsync();
        Assert.True(exitCode == 0, program.Said);
        return new ForeignWalk(JsonNode.Parse(line)!, before, await GuestCensus.TakeAsync(connection, ""));
    }

    /// <summary>A text that the client saw.</summary>
    public string? Text(params string[] path) => path.Aggregate((JsonNode?)Seen, (node, name) => node?[name])?.ToString();
}
