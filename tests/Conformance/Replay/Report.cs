using System.Globalization;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Prints what a replay found: differences, a table by family, skipped operations with reasons, the last line with the sums.
/// </summary>
internal static class Report
{
    /// <summary>Prints the report.</summary>
    /// <returns>The exit status: 1 if any record failed.</returns>
    public static int Print(TextWriter target, IReadOnlyList<FileResult> results, bool verbose, TimeSpan took)
    {
        PrintDifferences(target, results, verbose);
        var families = new SortedDictionary<string, Tally>(StringComparer.Ordinal);
        var all = new Tally();
        foreach ((string family, Tally tally) in results.SelectMany(r => r.Families))
        {
            if (!families.TryGetValue(family, out Tally? sum))
            {
                families.Add(family, sum = new Tally());
            }

            sum.Add(tally);
            all.Add(tally);
        }

        target.WriteLine($"{"family",-18}{"passed",10}{"failed",10}{"not modelled",14}");
        foreach ((string family, Tally tally) in families)
        {
            target.WriteLine($"{family,-18}{tally.Passed,10}{tally.Failed,10}{tally.Skipped,14}");
        }

        foreach ((string row, int count) in all.Skips.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            target.WriteLine($"not modelled: {row} ({count}): {NotModelled.ReasonOf(row)}");
        }

        PrintRules(target);
        double modelled = all.Records == 0 ? 0 : 100.0 * (all.Passed + all.Failed) / all.Records;
        target.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{results.Count} files, {all.Records} records, {modelled:F2} % modelled, {all.Records / took.TotalSeconds:F0} records/s"));
        target.WriteLine($"{all.Passed} passed, {all.Failed} failed, {all.Skipped} skipped");
        return all.Failed == 0 ? 0 : 1;
    }

    private static void PrintRules(TextWriter target)
    {
        foreach ((string field, string reason) in Incomparable.Everywhere.Concat(Incomparable.Here))
        {
            target.WriteLine($"not compared: {field}: {reason}");
        }

        foreach ((string field, string reason) in Answers.ToldBy)
        {
            target.WriteLine($"taken from the record: {field}: {reason}");
        }

        foreach ((string field, string reason)
            in Renamed.Values.Concat(Renamed.Texts.Select(t => KeyValuePair.Create(t.Key, t.Value.Reason))))
        {
            target.WriteLine($"compared up to a renaming: {field}: {reason}");
        }
    }

    private static void PrintDifferences(TextWriter target, IReadOnlyList<FileResult> results, bool verbose)
    {
        foreach (FileResult result in results)
        {
            // The first difference of each failing case; the others often follow from it.
            foreach (IGrouping<string, Difference> failing in result.Differences.GroupBy(d => d.Record.Case))
            {
                foreach (Difference difference in verbose ? failing : failing.Take(1))
                {
                    target.WriteLine($"{Path.GetFileName(result.Path)}: {difference.Record.Place}: {difference.Field}: "
                        + $"want {Shorten(difference.Want, verbose)} got {Shorten(difference.Got, verbose)}"
                        + (verbose ? $" in {difference.Record.In.GetRawText()}" : ""));
                }
            }
        }
    }

    private static string Shorten(string text, bool verbose) => verbose || text.Length <= 160 ? text : text[..160] + "…";
}
