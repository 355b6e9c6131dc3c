using System.Text;

namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>The text of docs/reference/coverage.md.</summary>
internal static class CoverageDocument
{
    /// <summary>Its name in docs/reference.</summary>
    public const string FileName = "coverage.md";

    private static readonly (CoverageStatus Status, string Word)[] Columns =
    [
        (CoverageStatus.Covered, "covered"),
        (CoverageStatus.OutOfScope, "out of scope"),
        (CoverageStatus.Open, "open"),
        (CoverageStatus.StruckOut, "struck out"),
    ];

    private static readonly (Evidence Evidence, string Word, string Meaning)[] Classes =
    [
        (Evidence.Recorded, "recorded", "a record of an unmodified kernel exercises it: [R], or a family of the table below"),
        (Evidence.Read, "read", "[C], [P]"),
        (Evidence.Lab, "lab", "recorded with the series ported by hand or on a fake platform only"),
        (Evidence.Derived, "derived", "[D]"),
        (Evidence.Believed, "believed", "[B]"),
        (Evidence.OurChoice, "our choice", "[E]"),
    ];

    /// <summary>The page for a report.</summary>
    public static string Render(CoverageReport report)
    {
        var text = new StringBuilder();
        text.Append("""
            # Coverage of the reference

            Generated from the statements of this folder, the `[Statement]` attributes of all tests and the out-of-scope table of
            tests/Conformance/Docs/Coverage; do not edit. To write it anew:
            `COCOGUEST_WRITE_DOCS=1 dotnet test tests/Conformance --filter CoverageDocument`.

            A statement is *covered* if a test cites it, *out of scope* if it has no test for the reason given here, *open* if neither.


            """);
        AppendCounts(
            text, "By file", "file",
            [.. report.Statements.GroupBy(statement => statement.File).Select(group => (group.Key, group.ToList()))], report);
        AppendCounts(
            text, "By evidence", "evidence", [.. Classes.Select(c => ($"*{c.Word}*: {c.Meaning}", Of(report, c.Evidence)))], report);
        AppendFamilies(text);
        AppendOutOfScope(text, report);
        foreach (IGrouping<string, ReferenceStatement> file in report.Statements.GroupBy(statement => statement.File))
        {
            AppendFile(text, file, report);
        }

        return text.ToString();
    }

    private static List<ReferenceStatement> Of(CoverageReport report, Evidence evidence) =>
        [.. report.Statements.Where(statement => statement.Evidence == evidence)];

    private static void AppendCounts(
        StringBuilder text, string title, string first, List<(string Name, List<ReferenceStatement> Statements)> rows,
        CoverageReport report)
    {
        text.Append($"## {title}\n\n| {first} | statements | {string.Join(" | ", Columns.Select(c => c.Word))} |\n");
        text.Append('|').AppendJoin('|', Enumerable.Repeat("---", Columns.Length + 2)).Append("|\n");
        foreach ((string name, List<ReferenceStatement> statements) in rows.Append(("all", [.. report.Statements])))
        {
            IEnumerable<int> counts = Columns.Select(c => statements.Count(statement => report.StatusOf(statement) == c.Status));
            text.Append($"| {name} | {statements.Count} | {string.Join(" | ", counts)} |\n");
        }

        text.Append('\n');
    }

    private static void AppendFamilies(StringBuilder text)
    {
        text.Append("## Recorded families\n\nWhich statements the recorded kernel runs exercise, besides those marked [R].\n\n"
            + "| family | statements |\n|---|---|\n");
        foreach ((string family, string[] ids) in RecordedFamilies.Table)
        {
            text.Append($"| {family}{(RecordedFamilies.IsLab(family) ? " (lab)" : "")} | {string.Join(", ", ids)} |\n");
        }

        text.Append('\n');
    }

    private static void AppendOutOfScope(StringBuilder text, CoverageReport report)
    {
        text.Append("## Out of scope\n\n| statement | why |\n|---|---|\n");
        foreach (ReferenceStatement statement in report.Statements.Where(s => report.StatusOf(s) == CoverageStatus.OutOfScope))
        {
            text.Append($"| {statement.Id} | {report.ReasonOf(statement.Id)} |\n");
        }

        text.Append('\n');
    }

    private static void AppendFile(StringBuilder text, IGrouping<string, ReferenceStatement> file, CoverageReport report)
    {
        text.Append($"## {file.Key}\n\n| statement | evidence | tests |\n|---|---|---|\n");
        foreach (ReferenceStatement statement in file.Where(s => report.StatusOf(s) != CoverageStatus.OutOfScope))
        {
            string evidence = Classes.First(c => c.Evidence == statement.Evidence).Word;
            text.Append($"| {statement.Id} | {evidence} | {TestsCell(statement, report)} |\n");
        }

        text.Append('\n');
    }

    private static string TestsCell(ReferenceStatement statement, CoverageReport report) => report.StatusOf(statement) switch
    {
        CoverageStatus.StruckOut => "*struck out*",
        CoverageStatus.Open => "**open**",
        _ => string.Join(", ", report.TestsOf(statement.Id)),
    };
}
