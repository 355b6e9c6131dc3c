using System.IO.Compression;

namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>
/// docs/reference/coverage.md says of every statement which test pins it. To write it anew:
/// <c>COCOGUEST_WRITE_DOCS=1 dotnet test tests/Conformance --filter CoverageDocument</c>.
/// </summary>
public sealed class CoverageDocumentTests
{
    private const string WriteVariable = "COCOGUEST_WRITE_DOCS";

    // Lower it with the work; it never rises.
    private const int MostOpen = 0;

    private static string PagePath => Path.Combine(Repository.Root, "docs", "reference", CoverageDocument.FileName);

    [Fact]
    public void CoverageDocument_AsCommitted_EqualsStatementsAndTests()
    {
        string expected = CoverageDocument.Render(CoverageReport.OfRepository());
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1")
        {
            File.WriteAllText(PagePath, expected);
        }

        Assert.Equal(expected, File.ReadAllText(PagePath));
    }

    [Fact]
    public void Contradictions_OfThisRepository_None() => Assert.Empty(CoverageReport.OfRepository().Contradictions);

    [Fact]
    public void Open_OfThisRepository_NoMoreThanAgreed() => Assert.InRange(CoverageReport.OfRepository().Open.Count(), 0, MostOpen);

    [Fact]
    public void Reasons_OfThisRepository_OneSentenceEach() =>
        Assert.All(OutOfScope.Reasons, entry => Assert.Matches(@"^[A-Z`].{20,}\.$", entry.Value));

    [Fact]
    public void RecordedFamilies_OfThisRepository_AreInTheRecordings()
    {
        ILookup<string, bool> realByFamily = Directory
            .EnumerateFiles(Path.Combine(Repository.Root, "tests", "Conformance", "Recordings"), "*.gz")
            .SelectMany(path => FamiliesIn(path)
                .Select(family => (Family: family, Real: !path.Contains(".coco_", StringComparison.Ordinal))))
            .ToLookup(found => found.Family, found => found.Real);

        Assert.Equal(
            RecordedFamilies.Table.Select(row => (row.Family, Lab: RecordedFamilies.IsLab(row.Family))),
            realByFamily.Select(family => (family.Key, Lab: !family.Contains(true))).OrderBy(family => family.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void RecordedFamilies_OfThisRepository_NameStatementsOfTheReference() => Assert.Empty(
        RecordedFamilies.Ids.Except(
            CoverageReport.OfRepository().Statements.Where(statement => !statement.IsStruck).Select(statement => statement.Id)));

    private static HashSet<string> FamiliesIn(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        var families = new HashSet<string>(StringComparer.Ordinal);
        const string Start = "{\"family\":\"";
        while (reader.ReadLine() is { } line)
        {
            families.Add(line[Start.Length..line.IndexOf('"', Start.Length)]);
        }

        return families;
    }
}
