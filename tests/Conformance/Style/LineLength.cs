using System.Text.RegularExpressions;

namespace CocoGuest.Tests.Conformance.Style;

/// <summary>
/// Lines of a C# text that are too long. Lines between the delimiters of a raw string are exempt: they are somebody else's text (a script,
/// a document), which cannot always be cut. Does not model C# beyond that: a raw string is seen by how its first and last line look.
/// </summary>
internal static partial class LineLength
{
    /// <summary>How many characters a line may have; .editorconfig tells editors the same.</summary>
    public const int Most = 140;

    /// <summary>Numbers of the lines that are too long, the first line being 1.</summary>
    public static IEnumerable<int> TooLong(string text)
    {
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].EnumerateRunes().Count() > Most)
            {
                yield return i + 1;
            }

            i = LastInside(lines, i);
        }
    }

    // The last line inside the raw string that line i opens; i itself, if it opens none or nothing closes it.
    private static int LastInside(string[] lines, int i)
    {
        int quotes = QuotesThatOpen(lines[i]);
        int end = quotes == 0 ? -1 : Array.FindIndex(lines, i + 1, line => Quotes(line.AsSpan().TrimStart()) >= quotes);
        return end < 0 ? i : end - 1;
    }

    // Raw strings of one line have two delimiters there, so the last one of a line opens if it is the odd one.
    private static int QuotesThatOpen(string line)
    {
        Match opening = Opening().Match(line);
        return opening.Success && Delimiter().Count(line) % 2 != 0 ? opening.Groups["quotes"].Length : 0;
    }

    private static int Quotes(ReadOnlySpan<char> text) => text.Length - text.TrimStart('"').Length;

    // What stands before tells a delimiter from the end of a verbatim string that ends with a quote; a comment opens nothing.
    [GeneratedRegex("""^(?!\s*//).*?(?<![^\s(\[{,:=+$])(?<quotes>"{3,})\s*$""")]
    private static partial Regex Opening();

    [GeneratedRegex("\"{3,}")]
    private static partial Regex Delimiter();
}
