using System.Globalization;

namespace CocoGuest.Tests.Replay.Probes;

/// <summary>
/// Prints a comparison: by family how many records were compared and how many are equal, the first field that differs, and a percentage.
/// </summary>
internal static class ProbeReport
{
    private const int MostCharacters = 160;

    /// <summary>Prints it.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="comparison">What.</param>
    /// <param name="verbose">All records that differ, not only the first of each family.</param>
    public static void Print(TextWriter target, ProbeComparison comparison, bool verbose)
    {
        foreach (Difference difference in verbose ? comparison.Differences : [])
        {
            target.WriteLine(Tell(difference));
        }

        var all = new ProbeTally();
        target.WriteLine($"{"family",-18}{"compared",10}{"equal",10}{"skipped",10}  first that differs");
        foreach ((string family, ProbeTally tally) in comparison.Families)
        {
            string first = tally.First is null ? "" : Tell(tally.First);
            target.WriteLine($"{family,-18}{tally.Compared,10}{tally.Equal,10}{tally.Skips.Values.Sum(),10}  {first}".TrimEnd());
            all.Add(tally);
        }

        foreach ((string reason, int count) in all.Skips.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            target.WriteLine(string.Create(CultureInfo.InvariantCulture, $"skipped: {count}: {reason}"));
        }

        target.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{all.Equal} of {all.Compared} compared records are equal: {comparison.Percent:F2} %"));
    }

    private static string Tell(Difference difference) =>
        $"{difference.Record.Place}: {difference.Field}: want {Shorten(difference.Want)} got {Shorten(difference.Got)}";

    private static string Shorten(string text) => text.Length <= MostCharacters ? text : text[..MostCharacters] + "…";
}
