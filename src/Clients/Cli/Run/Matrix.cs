using CocoGuest.Machine.Profiles;
using CocoGuest.Supervisor.Reports;
using Spectre.Console;

namespace CocoGuest.Cli.Run;

/// <summary>
/// <c>coco run --matrix KERNELS x PLATFORMS</c>: the same program in a guest of each kernel on each platform, one table. Each cell is a
/// <c>coco run</c> of its own, as many at a time as there are processors.
/// </summary>
internal static class Matrix
{
    /// <summary>Name of the option.</summary>
    public const string Option = "--matrix";

    private const string All = "all";

    /// <summary>Takes <c>6.12,7.2 x none,snp</c> from the front of words, in one of them or in many.</summary>
    public static string Join(Queue<string> words)
    {
        var taken = new List<string> { words.Dequeue() };
        while (words.TryPeek(out string? next) && (next == "x" || next.StartsWith(',') || IsOpen(taken[^1])))
        {
            taken.Add(words.Dequeue());
        }

        return string.Join(' ', taken);
    }

    /// <summary>Reads <c>6.12,7.2 x none,snp</c>; <c>all</c> is every kernel, or platform. Each is there once.</summary>
    /// <exception cref="FormatException">It is not of this form, or there is no such kernel or platform.</exception>
    public static (string[] Kernels, string[] Platforms) Parse(string text)
    {
        string[][] sides = [.. text.Split(" x ").Select(side =>
            side.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];
        return sides is [{ Length: > 0 } kernels, { Length: > 0 } platforms]
            ? (Known("kernel", kernels, ShapeWords.Kernels), Known("platform", platforms, ShapeWords.Platforms))
            : throw new FormatException($"{Option}: write kernels, x, platforms: 6.12,seed-v1,7.2 x none,sev,snp; all is each of them.");
    }

    /// <summary>Runs all cells.</summary>
    /// <param name="kernels">Kernels.</param>
    /// <param name="platforms">Platforms.</param>
    /// <param name="arguments">All other arguments of the run, the program last.</param>
    /// <param name="logs">Folder for the programs' output, or null. It is made before anything runs.</param>
    /// <exception cref="FormatException">The folder cannot be made.</exception>
    public static MatrixCell[] Run(string[] kernels, string[] platforms, IReadOnlyList<string> arguments, string? logs)
    {
        string folder = MakeFolders(logs);
        try
        {
            (string Kernel, string Platform)[] wanted = [.. kernels.SelectMany(k => platforms.Select(p => (k, p)))];
            var cells = new MatrixCell[wanted.Length];
            Parallel.For(0, wanted.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
                i => cells[i] = MatrixCell.Run(wanted[i].Kernel, wanted[i].Platform, arguments, folder));
            return cells;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Writes each cell's output.</summary>
    /// <returns>Null, or why not, in a sentence.</returns>
    public static string? WriteLogs(IEnumerable<MatrixCell> cells, string folder)
    {
        foreach (MatrixCell cell in cells)
        {
            string file = Path.Combine(folder, $"{cell.Kernel}-{cell.Platform}.log");
            try
            {
                File.WriteAllText(file, cell.Output);
            }
            catch (Exception e) when (ReportFile.IsOfFiles(e))
            {
                return $"--logs: {ReportFile.Why(file, e)}";
            }
        }

        return null;
    }

    /// <summary>The table.</summary>
    public static Table ToTable(MatrixCell[] cells)
    {
        string unlike = $"first answer unlike {cells[0].Kernel}, {cells[0].Platform}";
        Table table = new Table().Border(TableBorder.Simple).AddColumns("kernel", "platform", "exit status", unlike, "leaks");
        foreach (MatrixCell cell in cells)
        {
            table.AddRow(new[]
            {
                cell.Kernel, cell.Platform, cell.Report is null ? "not run" : $"{cell.ExitCode}",
                cell.Report is null ? cell.Output.Trim() : Difference(cells[0].Calls, cell.Calls),
                cell.Report is null ? "" : $"{cell.Leaks}",
            }.Select(Markup.Escape).ToArray());
        }

        return table;
    }

    /// <summary>
    /// 0 if every program ran and ended with 0; what all failures have in common if nothing ran, or if the programs succeeded; else 1.
    /// </summary>
    public static int ExitCode(IReadOnlyList<MatrixCell> cells)
    {
        MatrixCell[] failed = [.. cells.Where(c => c.Report is null || c.ExitCode != 0)];
        int[] codes = [.. failed.Select(c => c.ExitCode == 0 ? RunOutcome.NoOutcome : c.ExitCode).Distinct()];
        bool same = codes.Length == 1 && (codes[0] == RunCommand.Failed || cells.All(c => c.Report is null));
        return failed.Length == 0 ? 0 : same ? codes[0] : 1;
    }

    private static bool IsOpen(string word) => word == "x" || word.EndsWith(',') || word.EndsWith(" x", StringComparison.Ordinal);

    private static string[] Known(string what, string[] words, string known)
    {
        string[] all = known.Split(", ");
        string? unknown = Array.Find(words, w => w != All && !all.Contains(w));
        return unknown is null
            ? [.. words.SelectMany(w => w == All ? all : [w]).Distinct()]
            : throw new FormatException($"{Option}: there is no {what} '{unknown}'; there are {known}, and all for each of them.");
    }

    private static string MakeFolders(string? logs)
    {
        try
        {
            if (logs is not null)
            {
                Directory.CreateDirectory(logs);
            }
        }
        catch (Exception e) when (ReportFile.IsOfFiles(e))
        {
            throw new FormatException($"--logs: {ReportFile.Why(logs!, e)}", e);
        }

        try
        {
            return Directory.CreateTempSubdirectory("coco-matrix-").FullName;
        }
        catch (Exception e) when (ReportFile.IsOfFiles(e))
        {
            throw new FormatException($"{Option}: {ReportFile.Why(Path.GetTempPath(), e)}", e);
        }
    }

    private static string Difference(string[] first, string[] other)
    {
        int at = first.Zip(other).TakeWhile(pair => pair.First == pair.Second).Count();
        return at < first.Length && at < other.Length ? $"call {at + 1}: {other[at]} (there: {first[at]})"
            : at < other.Length ? $"call {at + 1}: {other[at]} (there: no more)"
            : at < first.Length ? $"call {at + 1}: no more (there: {first[at]})"
            : "";
    }
}
