using System.Diagnostics;
using System.Text.Json;
using Spectre.Console;

namespace CocoGuest.Cli.Run;

/// <summary>
/// <c>coco run --matrix KERNELS x PLATFORMS</c>: the same program in a guest of each kernel on each platform, one table. Each cell is a
/// <c>coco run</c> of its own, as many at a time as there are processors.
/// </summary>
internal static class Matrix
{
    private sealed record Cell(string Kernel, string Platform, int ExitCode, IReadOnlyList<string>? Calls, int Leaks, string Output);

    /// <summary>Reads <c>6.12,7.2 x none,snp</c>, in one word or three.</summary>
    /// <exception cref="FormatException">It is not of this form.</exception>
    public static (string[] Kernels, string[] Platforms) Parse(IEnumerable<string> words)
    {
        string[][] sides = [.. string.Join(' ', words).Split(" x ").Select(side =>
            side.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];
        return sides is [{ Length: > 0 } kernels, { Length: > 0 } platforms]
            ? (kernels, platforms)
            : throw new FormatException("--matrix: write kernels, x, platforms: 6.12,seed-v1,7.2 x none,sev,snp.");
    }

    /// <summary>Runs all cells and prints the table.</summary>
    /// <param name="kernels">Kernels.</param>
    /// <param name="platforms">Platforms.</param>
    /// <param name="arguments">All other arguments of the run, the program last.</param>
    /// <param name="logs">Folder for the programs' output, or null.</param>
    /// <returns>0 if every program that could be run succeeded, else 1.</returns>
    public static int Run(string[] kernels, string[] platforms, IReadOnlyList<string> arguments, string? logs)
    {
        (string Kernel, string Platform)[] wanted = [.. kernels.SelectMany(k => platforms.Select(p => (k, p)))];
        var cells = new Cell[wanted.Length];
        Parallel.For(0, wanted.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            i => cells[i] = RunCell(wanted[i].Kernel, wanted[i].Platform, arguments));
        foreach (Cell cell in logs is null ? [] : cells)
        {
            Directory.CreateDirectory(logs!);
            File.WriteAllText(Path.Combine(logs!, $"{cell.Kernel}-{cell.Platform}.log"), cell.Output);
        }

        string unlike = $"first answer unlike {cells[0].Kernel}, {cells[0].Platform}";
        Table table = new Table().Border(TableBorder.Simple).AddColumns("kernel", "platform", "exit status", unlike, "leaks");
        foreach (Cell cell in cells)
        {
            table.AddRow(new[]
            {
                cell.Kernel, cell.Platform, cell.Calls is null ? "not run" : $"{cell.ExitCode}",
                cell.Calls is null ? cell.Output.Trim() : Difference(cells[0].Calls ?? [], cell.Calls),
                cell.Calls is null ? "" : $"{cell.Leaks}",
            }.Select(Markup.Escape).ToArray());
        }

        AnsiConsole.Write(table);
        return cells.All(c => c.Calls is null || c.ExitCode == 0) ? 0 : 1;
    }

    private static Cell RunCell(string kernel, string platform, IReadOnlyList<string> arguments)
    {
        string report = Path.GetTempFileName();
        try
        {
            string[] own = ["run", "--kernel", kernel, "--platform", platform, "--json", report, "--quiet"];
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
            string text = File.ReadAllText(report);
            if (text.Length == 0)
            {
                return new Cell(kernel, platform, process.ExitCode, null, 0, output);
            }

            using var json = JsonDocument.Parse(text);
            string[] calls = [.. json.RootElement.GetProperty("calls").EnumerateArray().Select(c => c.GetString()!)];
            int leaks = json.RootElement.GetProperty("leaks").GetArrayLength();
            return new Cell(kernel, platform, process.ExitCode, calls, leaks, output);
        }
        finally
        {
            File.Delete(report);
        }
    }

    private static string Difference(IReadOnlyList<string> first, IReadOnlyList<string> other)
    {
        int at = first.Zip(other).TakeWhile(pair => pair.First == pair.Second).Count();
        return at < first.Count && at < other.Count ? $"call {at + 1}: {other[at]} (there: {first[at]})"
            : at < other.Count ? $"call {at + 1}: {other[at]} (there: no more)"
            : at < first.Count ? $"call {at + 1}: no more (there: {first[at]})"
            : "";
    }
}
