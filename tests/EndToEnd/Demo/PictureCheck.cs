using System.Text.Json.Nodes;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Demo;

/// <summary>Compares pictures pixel by pixel, by node/picture.js, which shares no code with us.</summary>
internal static class PictureCheck
{
    /// <summary>Pixels of the output that are not the input sharpened, with the first of them.</summary>
    public static Task<(int Differing, string Detail)> SharpenedAsync(string input, string output) => RunAsync("sharpened", input, output);

    /// <summary>Pixels of the output that are not black, with the first of them.</summary>
    public static Task<(int Differing, string Detail)> BlackAsync(string output) => RunAsync("black", output);

    private static async Task<(int Differing, string Detail)> RunAsync(params string[] arguments)
    {
        (int exitCode, string line, string said) = await ChildProgram.RunAsync("node", [Programs.Foreign("node/picture.js"), .. arguments]);
        Assert.True(exitCode == 0, said);
        return (JsonNode.Parse(line)!["differing"]!.GetValue<int>(), line);
    }
}
