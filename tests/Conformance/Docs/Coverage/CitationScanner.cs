using System.Text.RegularExpressions;

namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>
/// Reads <see cref="StatementAttribute"/> out of the sources of all test projects: no project refers to all of them, so reflection would
/// not do. Models C# as this project writes it: attributes on lines of their own above the declaration.
/// Does not model preprocessor conditions.
/// </summary>
internal static partial class CitationScanner
{
    /// <summary>All citations below a folder, by path and then by line.</summary>
    public static IReadOnlyList<Citation> ScanFolder(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(folder, path))
            .Where(path => !path.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
            .Order(StringComparer.Ordinal)
            .SelectMany(path => Scan(path, File.ReadAllText(Path.Combine(folder, path))))];

    /// <summary>The citations of one source file.</summary>
    public static IEnumerable<Citation> Scan(string file, string source)
    {
        bool hasTests = TestAttribute().IsMatch(source);
        string type = Path.GetFileNameWithoutExtension(file);
        string attributes = "";
        foreach (string line in source.Split('\n').Select(line => line.Trim()))
        {
            if (IsOpen(attributes) || line.StartsWith('['))
            {
                attributes += line;
                continue;
            }

            if (line.Length == 0 || line.StartsWith("//", StringComparison.Ordinal))
            {
                continue;
            }

            Match declaredType = TypeDeclaration().Match(line);
            type = declaredType.Success ? declaredType.Groups["name"].Value : type;
            (string name, bool isTest) = declaredType.Success
                ? (type, hasTests)
                : Method(type, line, attributes);
            foreach (string id in IdsIn(attributes))
            {
                yield return new Citation(id, name, file, isTest);
            }

            attributes = "";
        }
    }

    private static (string Name, bool IsTest) Method(string type, string line, string attributes)
    {
        Match method = MethodDeclaration().Match(line);
        return method.Success ? ($"{type}.{method.Groups["name"].Value}", TestAttribute().IsMatch(attributes)) : (line, false);
    }

    private static IEnumerable<string> IdsIn(string attributes) =>
        StatementArguments().Matches(attributes)
            .SelectMany(match => QuotedText().Matches(match.Groups["ids"].Value).Select(id => id.Groups[1].Value));

    // Brackets inside string literals do not count.
    private static bool IsOpen(string attributes)
    {
        string bare = QuotedText().Replace(attributes, "");
        return bare.Count(c => c == '[') > bare.Count(c => c == ']');
    }

    [GeneratedRegex(@"[\[,]\s*\w*(Fact|Theory)(Attribute)?\s*[\],(]")]
    private static partial Regex TestAttribute();

    [GeneratedRegex(@"[\[,]\s*Statement\((?<ids>[^)]*)\)")]
    private static partial Regex StatementArguments();

    [GeneratedRegex("\"((?:[^\"\\\\]|\\\\.)*)\"")]
    private static partial Regex QuotedText();

    [GeneratedRegex(@"^(?:public|internal|private|file)\b[^(=]*\b(?:class|struct|record)\s+(?<name>\w+)")]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"\b(?<name>\w+)(?:<[^>]*>)?\(")]
    private static partial Regex MethodDeclaration();
}
