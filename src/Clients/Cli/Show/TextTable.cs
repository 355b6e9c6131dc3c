namespace CocoGuest.Cli.Show;

/// <summary>
/// Rows of words under headings. Where they are wider than the screen, each row becomes lines of heading and word instead: no word is ever
/// broken.
/// </summary>
internal static class TextTable
{
    private const string Gap = "  ";

    /// <summary>The lines.</summary>
    /// <param name="headings">A heading a column.</param>
    /// <param name="rows">Words, one a column.</param>
    /// <param name="width">Characters of the screen's line.</param>
    public static IEnumerable<string> Lines(IReadOnlyList<string> headings, IReadOnlyList<string[]> rows, int width)
    {
        int[] widths = [.. headings.Select((heading, i) => rows.Select(row => row[i].Length).Append(heading.Length).Max())];
        return widths.Sum() + (Gap.Length * (widths.Length - 1)) <= width
            ? rows.Prepend([.. headings.Select(h => h.ToUpperInvariant())]).Select(row => Line(row, widths))
            : rows.SelectMany((row, i) => Record(headings, row, width).Prepend("").Skip(i == 0 ? 1 : 0));
    }

    /// <summary>Pairs of a name and its words, the words below each other; long ones go on below, as wide as the screen.</summary>
    public static IEnumerable<string> Pairs(IReadOnlyList<(string Name, string Words)> pairs, int width)
    {
        int names = pairs.Select(p => p.Name.Length).DefaultIfEmpty().Max();
        foreach ((string name, string words) in pairs)
        {
            string before = name.PadRight(names) + Gap;
            foreach (string line in Wrap(words, width - before.Length))
            {
                yield return (before + line).TrimEnd();
                before = new string(' ', before.Length);
            }
        }
    }

    /// <summary>Text in lines of at most a width, broken at blanks; a longer word has a line of its own, unbroken.</summary>
    public static IEnumerable<string> Wrap(string text, int width)
    {
        foreach (string paragraph in text.Split('\n'))
        {
            string line = "";
            foreach (string word in paragraph.Split(' '))
            {
                if (line.Length != 0 && line.Length + 1 + word.Length > width)
                {
                    yield return line;
                    line = word;
                }
                else
                {
                    line = line.Length == 0 ? word : $"{line} {word}";
                }
            }

            yield return line;
        }
    }

    private static IEnumerable<string> Record(IReadOnlyList<string> headings, string[] row, int width) =>
        Pairs([.. headings.Zip(row)], width);

    private static string Line(string[] row, int[] widths) =>
        string.Join(Gap, row.Select((word, i) => word.PadRight(widths[i]))).TrimEnd();
}
