using System.Text.Json.Nodes;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Demo;

/// <summary>A finished run of <c>coco demo --json</c>.</summary>
internal sealed record DemoResult(int ExitCode, JsonNode Report, string Said)
{
    /// <summary>Runs the demo.</summary>
    public static async Task<DemoResult> RunAsync(string[] arguments, params (string Name, string Value)[] environment)
    {
        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            Programs.Coco, ["demo", "--json", .. arguments], environment);
        string line = Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        return new DemoResult(exitCode, JsonNode.Parse(line)!, said);
    }

    /// <summary>How it ended, in one comparison: exit code, prediction, outcome, and whether all its checks held.</summary>
    public (int ExitCode, string Predicted, string Outcome, bool AsPredicted) Verdict =>
        (ExitCode, Text("predicted"), Text("outcome"), Report["asPredicted"]!.GetValue<bool>());

    /// <summary>A text of the report.</summary>
    public string Text(params string[] path) => Node(path)?.ToString() ?? "";

    /// <summary>A number of the report; protobuf's JSON writes large ones as text.</summary>
    public long Number(params string[] path) => long.Parse(Text(path), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A number of one process.</summary>
    public long OfProcess(string role, string field) =>
        Report["processes"]!.AsArray().Single(row => row!["role"]!.ToString() == role)![field]!.GetValue<long>();

    /// <summary>Bytes that the server copied on behalf of CPUs, devices and bounce slots.</summary>
    public long ServerCopies =>
        new[] { "loadBytes", "storeBytes", "dmaReadBytes", "dmaWriteBytes", "bounceBytes" }.Sum(n => Number("serverCopies", n));

    private JsonNode? Node(string[] path) => path.Aggregate((JsonNode?)Report, (node, name) => node?[name]);
}
