using System.Text.RegularExpressions;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>
/// The code of a document's section: fenced blocks, and in those of kind <c>console</c> the commands after <c>$ </c>, each with the output
/// shown below it. In an output <c>…</c> stands for what differs from run to run.
/// </summary>
internal static class Transcript
{
    /// <summary>The fenced blocks of a section, by kind.</summary>
    public static ILookup<string, string> Blocks(string document, string section)
    {
        string from = document[document.IndexOf($"## {section}\n", StringComparison.Ordinal)..];
        int end = from.IndexOf("\n## ", StringComparison.Ordinal);
        return Regex.Matches(end < 0 ? from : from[..end], "^```([a-z]+)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)
            .ToLookup(m => m.Groups[1].Value, m => m.Groups[2].Value);
    }

    /// <summary>The commands of a console block with the output shown for each.</summary>
    public static List<(string Command, string Output)> Commands(string console) =>
        [.. Regex.Matches(console, @"^\$ (.*)\n((?:(?!\$ ).*\n)*)", RegexOptions.Multiline)
            .Select(m => (m.Groups[1].Value, m.Groups[2].Value))];

    /// <summary>True if an output is the one shown, but for blanks at the ends of lines.</summary>
    public static bool IsShown(string shown, string output) =>
        Regex.IsMatch(Trim(output), $"^{Regex.Escape(Trim(shown)).Replace("…", @"\S+?", StringComparison.Ordinal)}$");

    private static string Trim(string text) => string.Join('\n', text.Split('\n').Select(l => l.TrimEnd())).Trim('\n');
}
