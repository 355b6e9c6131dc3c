namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>The page is worth what its checks find: each test plants one bug.</summary>
public sealed class CoverageReportTests
{
    private const string Reference =
        "- **S-X-01 [C][R]** one\n- **S-X-02 [D]** two, unlike S-X-77\n- ~~**S-X-03 [B]** three~~ wrong: see S-X-02\n";

    private static readonly Dictionary<string, string> NoReasons = [];

    [Fact]
    public void Parse_ItemsMentionsAndStruckOut_OnlyItemsWithTheirMarks() => Assert.Equal(
        [new("S-X-01", "x.md", "CR", false), new("S-X-02", "x.md", "D", false), new ReferenceStatement("S-X-03", "x.md", "B", true)],
        ReferenceParser.Parse("x.md", Reference));

    [Fact]
    public void Contradictions_TestCitesUnknownId_Named() =>
        Assert.Contains("S-X-99", Assert.Single(Report(Test("S-X-01") + Test("S-X-99")).Contradictions), StringComparison.Ordinal);

    [Fact]
    public void Contradictions_AttributeOnHelper_Named() =>
        Assert.Contains(
            "no test",
            Assert.Single(Report(Attribute("S-X-01") + "private static void Help()\n").Contradictions),
            StringComparison.Ordinal);

    [Fact]
    public void Contradictions_StruckOutStatementCited_Named() =>
        Assert.Contains("struck out", Assert.Single(Report(Test("S-X-03")).Contradictions), StringComparison.Ordinal);

    [Fact]
    public void Contradictions_CoveredAndOutOfScope_Named() => Assert.Contains(
        "out of scope and yet cited",
        Assert.Single(Report(Test("S-X-01"), new() { ["S-X-01"] = "Because." }).Contradictions),
        StringComparison.Ordinal);

    [Fact]
    public void Contradictions_NumberUsedTwice_Named()
    {
        var report = new CoverageReport(
            [.. ReferenceParser.Parse("x.md", Reference), .. ReferenceParser.Parse("y.md", Reference)], [], NoReasons);

        Assert.Equal(3, report.Contradictions.Count);
    }

    [Fact]
    public void Open_StatementWithoutTestOrReason_Listed() => Assert.Equal(["S-X-02"], Report(Test("S-X-01")).Open);

    [Fact]
    public void Open_StatementWithReason_NotListed() => Assert.Empty(Report(Test("S-X-01"), new() { ["S-X-02"] = "Because." }).Open);

    [Fact]
    public void Open_AttributeOnHelperOnly_StillListed() =>
        Assert.Contains("S-X-01", Report(Attribute("S-X-01") + "private static void Help()\n").Open);

    [Fact]
    public void Render_OneMoreStatement_AnotherPage() =>
        Assert.NotEqual(
            CoverageDocument.Render(Report(Test("S-X-01"))),
            CoverageDocument.Render(Report(Test("S-X-01"), NoReasons, "- **S-X-04 [E]** new\n")));

    [Fact]
    public void Render_OneMoreTest_AnotherPage() =>
        Assert.NotEqual(CoverageDocument.Render(Report(Test("S-X-01"))), CoverageDocument.Render(Report(Test("S-X-01", "S-X-02"))));

    [Theory]
    [InlineData("[Fact]\n", "")]
    [InlineData("", "[InlineData(\"[(\", 1)]\n[ForeignTheory]\n")]
    [InlineData("[Fact]\n// why\n\n", "")]
    public void Scan_AttributesInAnyOrder_TestNamedWithItsClass(string before, string after)
    {
        string source =
            $"public sealed class Tests\n{{\n{before}{Attribute("S-X-01", "S-X-02")}{after}public async Task A_B_C(int x)\n{{\n";

        Assert.Equal(
            [new("S-X-01", "Tests.A_B_C", "T.cs", true), new Citation("S-X-02", "Tests.A_B_C", "T.cs", true)],
            CitationScanner.Scan("T.cs", source));
    }

    [Fact]
    public void Scan_AttributeOverSeveralLines_AllIdsFound()
    {
        string source = "[Fact]\n" + Attribute("S-X-01", "S-X-02").Replace(", ", ",\n", StringComparison.Ordinal) + "public void A_B_C()\n";

        Assert.Equal(["S-X-01", "S-X-02"], CitationScanner.Scan("T.cs", source).Select(citation => citation.Id));
    }

    [Fact]
    public void Scan_ClassWithTests_ClassIsTheTest()
    {
        string source = Attribute("S-X-01") + "public sealed class Tests\n{\n[Fact]\npublic void A_B_C()\n";

        Assert.Equal([new Citation("S-X-01", "Tests", "T.cs", true)], CitationScanner.Scan("T.cs", source));
    }

    private static CoverageReport Report(string source, Dictionary<string, string>? reasons = null, string more = "") => new(
        [.. ReferenceParser.Parse("x.md", Reference + more)],
        [.. CitationScanner.Scan("T.cs", "public sealed class Tests\n{\n" + source)],
        reasons ?? NoReasons);

    private static string Test(params string[] ids) => $"[Fact]\n{Attribute(ids)}public void A_B_C()\n{{\n}}\n";

    // Put together here, so that the scan of this file does not find it.
    private static string Attribute(params string[] ids) => $"[{"Statement"}({string.Join(", ", ids.Select(id => $"\"{id}\""))})]\n";
}
