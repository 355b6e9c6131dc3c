namespace CocoGuest.Tests.Conformance.Docs;

/// <summary>The map names what is there: docs/architecture.md, docs/adding.md, and the README of each folder of the machine.</summary>
public sealed class DocumentNamesTests
{
    private const int MostLines = 150;
    private static readonly DocumentNames Names = new();

    /// <summary>The documents, from the project's folder.</summary>
    public static TheoryData<string> Documents
    {
        get
        {
            var documents = new TheoryData<string> { "docs/architecture.md", "docs/adding.md" };
            string machine = Path.Combine(Repository.Root, "src", "GuestMachine");
            foreach (string path in Directory.GetFiles(machine, "README.md", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                documents.Add(Path.GetRelativePath(Repository.Root, path));
            }

            return documents;
        }
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Document_OfThisRepository_NamesOnlyWhatIsThere(string document)
    {
        string path = Path.Combine(Repository.Root, document);

        Assert.Empty(Names.Missing(File.ReadAllText(path), Path.GetDirectoryName(path)!));
    }

    [Theory]
    [InlineData("`Heaps/NoSuchHeap.cs`", "Heaps/NoSuchHeap.cs")]
    [InlineData("`NoSuchType.cs`", "NoSuchType.cs")]
    [InlineData("`GuestGate.Enter" + "Never`", "GuestGate.Enter" + "Never")]
    [InlineData("as S-BUF-9999 says", "S-BUF-9999")]
    public void Missing_PlantedName_IsFound(string text, string name) => Assert.Equal([name], Names.Missing(text, Repository.Root));

    [Theory]
    [InlineData("`Heaps/SystemHeap.cs`, `src/Linux`, `GuestGate.Enter`, `dma_map_*`, `git grep V73 src`, S-BUF-111")]
    public void Missing_NamesThatAreThere_AreNot(string text) => Assert.Empty(Names.Missing(text, Repository.Root));

    [Fact]
    public void Architecture_OfThisRepository_IsShort() =>
        Assert.InRange(File.ReadAllLines(Path.Combine(Repository.Root, "docs", "architecture.md")).Length, 1, MostLines);
}
