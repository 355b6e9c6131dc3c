using System.Text.Json.Nodes;
using System.Xml.Linq;
using CocoGuest.Cli.Run;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Clients.Cli;

/// <summary><c>--matrix</c>.</summary>
public class MatrixTests
{
    private static readonly JsonNode Report = JsonNode.Parse("""{"calls": [], "leaks": []}""")!;

    [Theory]
    [InlineData("6.12,7.2 x none,snp")]
    [InlineData("6.12, 7.2 x none, snp")]
    [InlineData("6.12,7.2,6.12 x none,snp,none")]
    public void Parse_Text_IsKernelsAndPlatforms(string text)
    {
        (string[] kernels, string[] platforms) = Matrix.Parse(text);

        Assert.Equal(["6.12", "7.2"], kernels);
        Assert.Equal(["none", "snp"], platforms);
    }

    [Fact]
    public void Parse_All_IsEachOnce()
    {
        (string[] kernels, string[] platforms) = Matrix.Parse("7.2,all x all");

        Assert.Equal(ShapeWords.Kernels.Split(", ").Order(), kernels.Order());
        Assert.Equal(ShapeWords.Platforms.Split(", "), platforms);
    }

    [Theory]
    [InlineData("7.2,9.9 x snp", "kernel '9.9'")]
    [InlineData("7.2 x snp,foo", "platform 'foo'")]
    [InlineData("snp x 7.2", "kernel 'snp'")]
    [InlineData("ALL x snp", "kernel 'ALL'")]
    [InlineData("6.12-seed x snp", "kernel '6.12-seed'")]
    [InlineData("7.2 x lab", "platform 'lab'")]
    public void Parse_UnknownName_IsNamed(string text, string name) =>
        Assert.Contains($"there is no {name}; there are ", Error(text), StringComparison.Ordinal);

    [Theory]
    [InlineData("6.12,7.2")]
    [InlineData("6.12 x")]
    [InlineData("x none")]
    [InlineData(", x none")]
    [InlineData("6.12 x none x snp")]
    public void Parse_NotTwoSides_SaysHowToWriteIt(string text) =>
        Assert.Contains("6.12,seed-v1,7.2 x none,sev,snp", Error(text), StringComparison.Ordinal);

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 0, 3)]
    [InlineData(1, 99, 3)]
    [InlineData(99, 99, 0)]
    [InlineData(1, 0, 125)]
    public void ExitCode_ProgramsThatRan_IsZeroOrOneOrThatOfLeaks(int expected, int one, int other) =>
        Assert.Equal(expected, Matrix.ExitCode([Ran(one), Ran(other)]));

    [Theory]
    [InlineData(127, 127, 127)]
    [InlineData(125, 125, 125)]
    [InlineData(125, 0, 0)]
    [InlineData(1, 126, 127)]
    public void ExitCode_NothingRan_IsNeverZero(int expected, int one, int other) =>
        Assert.Equal(expected, Matrix.ExitCode([NotRun(one), NotRun(other)]));

    [Fact]
    public void ExitCode_SomeDidNotRun_IsOne() => Assert.Equal(1, Matrix.ExitCode([Ran(0), NotRun(125)]));

    [Fact]
    public void Reports_OfCells_HaveThoseThatDidNotRun()
    {
        MatrixCell[] cells = [Ran(0), NotRun(127)];

        JsonArray json = JsonNode.Parse(RunReports.Json(cells))!.AsArray();
        var junit = XElement.Parse(RunReports.JUnit(cells, "/bin/prog"));

        Assert.Equal([(null, true), ("why", false)], json.Select(c => ((string?)c!["not_run"], c["report"] is not null)));
        Assert.Equal(("3", "1"), (junit.Attribute("tests")!.Value, junit.Attribute("failures")!.Value));
        Assert.Equal(["prog (none, 7.2)", "prog (snp, 7.2)"], junit.Elements("testsuite").Select(s => s.Attribute("name")!.Value));
    }

    private static string Error(string text) => Assert.Throws<FormatException>(() => Matrix.Parse(text)).Message;

    private static MatrixCell Ran(int exitCode) =>
        new("7.2", "none", exitCode, Report.DeepClone(), """<testsuite name="prog (none, 7.2)" tests="2" failures="0"/>""", "");

    private static MatrixCell NotRun(int exitCode) => new("7.2", "snp", exitCode, null, "", "why\n");
}
