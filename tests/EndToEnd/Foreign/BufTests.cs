using System.Text.Json.Nodes;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>buf/five-calls.sh: the server by hand, found by its reflection; and the style of the API.</summary>
public sealed class BufTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [ForeignTheory(ForeignTool.Node | ForeignTool.Buf)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.Tcp)]
    public async Task FiveCalls_OverEachTransport_AnswerAsTheReadmeSays(Transport transport)
    {
        using Client.CocoConnection connection = shared.Server.Connect();
        GuestCensus before = await GuestCensus.TakeAsync(connection, "");

        Dictionary<string, JsonNode> steps = await RunAsync(transport);

        Assert.Contains("cocoguest.v1.GuestService", Texts(steps["services"]));
        Assert.Contains("cocoguest.v1.GuestService/AllocateBuffer", Texts(steps["methods"]));
        Assert.Equal(("65536", "true"), (steps["AllocateBuffer"]["size"]!.ToString(), steps["AllocateBuffer"]["hostVisible"]!.ToString()));
        Assert.Equal(32, steps["Mmap"]["fdToken"]!.ToString().Length);
        Assert.Equal(shared.Server.BrokerPath, steps["Mmap"]["brokerPath"]!.ToString());
        Assert.Equal("65536", steps["Attach"]["size"]!.ToString());
        Assert.Equal("65536", Assert.Single(steps["MapDmaBuf"]["segments"]!.AsArray())!["length"]!.ToString());
        Assert.Empty(steps["Release"].AsObject());
        Assert.Equal(before, await GuestCensus.TakeAsync(connection, ""));
    }

    [ForeignTheory(ForeignTool.Node | ForeignTool.Buf)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.Tcp)]
    public async Task FiveCalls_RefusedCall_ShowsStatusAndDetails(Transport transport)
    {
        Dictionary<string, JsonNode> steps = await RunAsync(transport);

        Assert.Equal("failed_precondition", steps["refusal"]["code"]!.ToString());
        Assert.Contains("not open", steps["refusal"]["message"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal("google.rpc.ErrorInfo", steps["refusal"]["details"]![0]!["type"]!.ToString());
        Assert.NotEqual(0, steps["refusal_exit_status"].GetValue<int>());
    }

    [ForeignFact(ForeignTool.Node | ForeignTool.Buf)]
    public async Task Lint_OfTheProtos_FindsNothing()
    {
        (int exitCode, _, string said) = await ChildProgram.RunAsync(ForeignTools.Buf, ["lint", Repository.Root]);

        Assert.True(exitCode == 0, said);
    }

    private async Task<Dictionary<string, JsonNode>> RunAsync(Transport transport)
    {
        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            Programs.Foreign("buf/five-calls.sh"), [shared.Server.Target(transport)], ("BUF", ForeignTools.Buf));
        Assert.True(exitCode == 0, said);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)
            .ToDictionary(node => node["step"]!.ToString(), node => node["answer"]!);
    }

    private static IEnumerable<string> Texts(JsonNode list) => list.AsArray().Select(item => item!.ToString());
}
