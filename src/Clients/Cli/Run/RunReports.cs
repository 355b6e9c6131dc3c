using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using CocoGuest.Supervisor.Reports;

namespace CocoGuest.Cli.Run;

/// <summary>What is read from reports of single runs, and the report of a whole matrix.</summary>
internal static class RunReports
{
    private static readonly JsonSerializerOptions Format = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Files that a run never closed.</summary>
    public static int Leaks(JsonNode report) => report["leaks"]!.AsArray().Count;

    /// <summary>A matrix as JSON: for each pair the report that its run would have given by itself, or why it did not run.</summary>
    public static string Json(IEnumerable<MatrixCell> cells) =>
        new JsonArray([.. cells.Select(cell => (JsonNode)new JsonObject
        {
            ["kernel"] = cell.Kernel,
            ["platform"] = cell.Platform,
            ["exit_status"] = cell.ExitCode,
            ["not_run"] = cell.Report is null ? cell.Output.Trim() : null,
            ["report"] = cell.Report?.DeepClone(),
        })]).ToJsonString(Format) + "\n";

    /// <summary>A matrix as JUnit: a suite for each pair.</summary>
    public static string JUnit(IEnumerable<MatrixCell> cells, string program)
    {
        XElement[] suites = [.. cells.Select(cell => cell.JUnit.Length == 0 ? NotRun(cell, program) : XElement.Parse(cell.JUnit))];
        return new XElement("testsuites",
            new XAttribute("tests", suites.Sum(s => (int)s.Attribute("tests")!)),
            new XAttribute("failures", suites.Sum(s => (int)s.Attribute("failures")!)),
            suites).ToString() + "\n";
    }

    private static XElement NotRun(MatrixCell cell, string program)
    {
        string why = string.Join('\n', cell.Output.Trim().Split('\n').Select(Printable.Of));
        return new XElement("testsuite",
            new XAttribute("name", Printable.Of($"{Path.GetFileName(program)} ({cell.Platform}, {cell.Kernel})")),
            new XAttribute("tests", 1),
            new XAttribute("failures", 1),
            new XElement("testcase",
                new XAttribute("classname", "coco.run"), new XAttribute("name", "run"), new XElement("failure", why)));
    }
}
