using System.Diagnostics;
using System.Text.Json.Nodes;

namespace CocoGuest.Cli.Run;

/// <summary>One pair of a matrix after its run, which was a <c>coco run</c> of its own.</summary>
/// <param name="Kernel">Word of the kernel.</param>
/// <param name="Platform">Word of the platform.</param>
/// <param name="ExitCode">What <c>coco run</c> ended with.</param>
/// <param name="Report">Its report; null: the program never began, and <paramref name="Output"/> says why.</param>
/// <param name="JUnit">The report as JUnit; empty without one.</param>
/// <param name="Output">All that was written.</param>
internal sealed record MatrixCell(string Kernel, string Platform, int ExitCode, JsonNode? Report, string JUnit, string Output)
{
    /// <summary>The guest's answers in order.</summary>
    public string[] Calls => Report is null ? [] : [.. Report["calls"]!.AsArray().Select(c => (string)c!)];

    /// <summary>Files that were never closed.</summary>
    public int Leaks => Report is null ? 0 : RunReports.Leaks(Report);

    /// <summary>Runs the program in a guest of a pair.</summary>
    /// <param name="kernel">Word of the kernel.</param>
    /// <param name="platform">Word of the platform.</param>
    /// <param name="arguments">All other arguments of the run, the program last.</param>
    /// <param name="folder">Where the reports of the cells may lie.</param>
    public static MatrixCell Run(string kernel, string platform, IReadOnlyList<string> arguments, string folder)
    {
        string json = Path.Combine(folder, $"{kernel}-{platform}.json");
        string junit = Path.ChangeExtension(json, "xml");
        string[] own = ["run", "--kernel", kernel, "--platform", platform, "--json", json, "--json", junit, "--quiet"];
        var start = new ProcessStartInfo(Demo.ProgramLocator.Self, own.Concat(arguments))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + errors.Result;
        process.WaitForExit();
        return new MatrixCell(
            kernel, platform, process.ExitCode, File.Exists(json) ? JsonNode.Parse(File.ReadAllText(json)) : null,
            File.Exists(junit) ? File.ReadAllText(junit) : "", output);
    }
}
