using System.Text.RegularExpressions;

namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>
/// Finds the statements in the text of a reference file: list items that open with the number in bold. A number anywhere else is a mention.
/// </summary>
internal static partial class ReferenceParser
{
    // Files that give their mark once, for all their statements.
    private static readonly Dictionary<string, string> MarkOfFile = new(StringComparer.Ordinal)
    {
        ["vectors.md"] = "D",
        ["recorded.md"] = "R",
        ["unverified.md"] = "B",
    };

    /// <summary>The statements of all files of a folder, by file name and then as they stand in the file.</summary>
    public static IReadOnlyList<ReferenceStatement> ParseFolder(string folder) =>
        [.. Directory.GetFiles(folder, "*.md")
            .Where(path => Path.GetFileName(path) != CoverageDocument.FileName)
            .Order(StringComparer.Ordinal)
            .SelectMany(path => Parse(Path.GetFileName(path), File.ReadAllText(path)))];

    /// <summary>The statements of one file.</summary>
    public static IEnumerable<ReferenceStatement> Parse(string file, string text) =>
        StatementStart().Matches(text).Select(match => new ReferenceStatement(
            match.Groups["id"].Value,
            file,
            MarksOf(file, match.Groups["marks"].Value),
            match.Groups["struck"].Success));

    private static string MarksOf(string file, string marks)
    {
        string letters = string.Concat(marks.Where(char.IsAsciiLetterUpper));
        return letters.Length > 0 ? letters : MarkOfFile.GetValueOrDefault(file, "E");
    }

    [GeneratedRegex(@"^\s*- (?<struck>~~)?\*\*(?<id>S-[A-Z0-9]+-\d+)(?<marks>[^*\n]*)\*\*", RegexOptions.Multiline)]
    private static partial Regex StatementStart();
}
