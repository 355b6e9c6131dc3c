using System.Text.RegularExpressions;
using CocoGuest.Client;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>What README and the banner tell people to type can be typed again: it is answered as before, and leaves nothing.</summary>
public sealed partial class TypedTwiceTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [ForeignFact(ForeignTool.Node | ForeignTool.Buf)]
    public async Task Readme_FiveCallsByHand_AreAnsweredTwiceAndLeaveNothing()
    {
        string readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"));
        string section = readme[readme.IndexOf("## Five calls by hand\n", StringComparison.Ordinal)..];
        string[] lines = [.. section[..section.IndexOf("\n## ", StringComparison.Ordinal)].Split('\n')
            .Where(l => l.StartsWith("    ", StringComparison.Ordinal))];
        string script = string.Join('\n', lines).Replace("127.0.0.1:7070", shared.Server.Tcp, StringComparison.Ordinal);

        await RunTwiceAsync(shared.Server, script, answers: 8);
    }

    [ForeignTheory(ForeignTool.Node | ForeignTool.Buf)]
    [InlineData("--default-guest")]
    [InlineData("--no-default-guest")]
    [InlineData("--no-tcp")]
    public async Task Banner_CallsToTry_AreAnsweredTwiceAndLeaveNothing(string option)
    {
        await using ServerProcess server = await ServerProcess.StartAsync(option);
        string[] calls = await server.CallsToTryAsync();
        await RunTwiceAsync(server, string.Join('\n', calls), calls.Length);
    }

    private static async Task RunTwiceAsync(ServerProcess server, string script, int answers)
    {
        using CocoConnection connection = server.Connect();
        string before = await HeldAsync(connection);
        Assert.Equal(answers, AnswerStart().Count(await RunAsync(script)));
        Assert.Equal(answers, AnswerStart().Count(await RunAsync(script)));
        Assert.Equal(before, await HeldAsync(connection));
    }

    private static async Task<string> RunAsync(string script)
    {
        string path = $"{Path.GetDirectoryName(ForeignTools.Buf)}:{Environment.GetEnvironmentVariable("PATH")}";
        (int exitCode, string output, string said) = await ChildProgram.RunAsync("/bin/sh", ["-ec", script], ("PATH", path));
        Assert.True(exitCode == 0 && said.Length == output.Length, said);
        return output;
    }

    private static async Task<string> HeldAsync(CocoConnection connection)
    {
        V1.ListGuestsResponse guests = await connection.Host.ListGuestsAsync(new());
        return string.Join('\n', guests.Guests.Select(g => $"{g.Shape.Name} {g.Objects} {g.Memory.UsedBytes} {g.Swiotlb.SlotsUsed}"));
    }

    [GeneratedRegex(@"^\{", RegexOptions.Multiline)]
    private static partial Regex AnswerStart();
}
