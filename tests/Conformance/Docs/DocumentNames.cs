using System.Text.RegularExpressions;
using CocoGuest.Tests.Conformance.Docs.Coverage;

namespace CocoGuest.Tests.Conformance.Docs;

/// <summary>
/// What a document names in backticks: paths from the project's folder, from the machine's or from its own, names of C# code, and numbers
/// of statements anywhere. Does not look at: drawings, commands, and names that are neither (kernel words, options).
/// </summary>
internal sealed partial class DocumentNames
{
    private readonly string[] _bases;
    private readonly HashSet<string> _words;
    private readonly HashSet<string> _statements;

    /// <summary>Reads the project's sources and statements once, for all documents.</summary>
    public DocumentNames()
    {
        _bases = [Repository.Root, Path.Combine(Repository.Root, "src", "GuestMachine")];
        _words =
        [
            .. Repository.Sources("src", "tests")
                .SelectMany(source => Identifier().Matches(source.Text).Select(m => m.Value)),
        ];
        _statements = [.. ReferenceParser.ParseFolder(Path.Combine(Repository.Root, "docs", "reference")).Select(s => s.Id)];
    }

    /// <summary>The names in a text that nothing has.</summary>
    /// <param name="text">The document.</param>
    /// <param name="folder">Where it stands.</param>
    public IReadOnlyList<string> Missing(string text, string folder)
    {
        string prose = Drawing().Replace(text, "");
        return
        [
            .. Quoted().Matches(prose).Select(m => m.Groups["name"].Value).Where(name => !Exists(name, folder)),
            .. StatementNumber().Matches(prose).Select(m => m.Value).Where(id => !_statements.Contains(id)),
        ];
    }

    private bool Exists(string name, string folder) =>
        IsPath().IsMatch(name) ? _bases.Append(folder).Any(b => Path.Exists(Path.Combine(b, name)))
        : !IsCode().IsMatch(name) || name.Split('.').All(_words.Contains);

    [GeneratedRegex("```.*?```", RegexOptions.Singleline)]
    private static partial Regex Drawing();

    [GeneratedRegex("`(?<name>[^`\n]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"^(?!/)[\w./-]*(/[\w./-]+|\.(cs|md|proto))$")]
    private static partial Regex IsPath();

    [GeneratedRegex(@"^[A-Z]\w*[a-z]\w*(\.[A-Z]\w*)*$")]
    private static partial Regex IsCode();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Identifier();

    [GeneratedRegex(@"\bS-[A-Z0-9]+-\d+\b")]
    private static partial Regex StatementNumber();
}
