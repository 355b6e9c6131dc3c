namespace CocoGuest.Tests.Conformance.Style;

/// <summary>Sources are read side by side and in reviews: their lines end in time.</summary>
public sealed class LineLengthTests
{
    private const string Raw = "\"\"\"";
    private static readonly string Long = new('x', LineLength.Most + 1);

    [Fact]
    public void Lines_OfAllSources_AreNotTooLong() => Assert.Empty(
        from source in Repository.Sources("src", "tests")
        from line in LineLength.TooLong(source.Text)
        select $"{source.Path}:{line}");

    [Fact]
    public void TooLong_PlantedLine_IsFound() => Assert.Equal([2, 4], LineLength.TooLong($"short\n{Long}\n\n// {Long}"));

    [Fact]
    public void TooLong_CharactersOfSeveralBytes_CountOnce() => Assert.Empty(
        LineLength.TooLong(new string('→', LineLength.Most) + "\n" + string.Concat(Enumerable.Repeat("🔒", LineLength.Most))));

    [Theory]
    [InlineData("string s = " + Raw, Raw + ";")]
    [InlineData("    Run($$" + Raw, "        " + Raw + ", 1);")]
    [InlineData("Two(" + Raw + "{}" + Raw + ", " + Raw, Raw + ");")]
    [InlineData(Raw + "\"", Raw + "\"")]
    public void TooLong_LineInsideARawString_IsExempt(string opening, string closing) =>
        Assert.Equal([5], LineLength.TooLong($"{opening}\nshort\n{Long}\n{closing}\n{Long}\n"));

    [Theory]
    [InlineData("string s = " + Raw + "{}" + Raw, Raw)]
    [InlineData("string s = @\"said \"\"so" + Raw, Raw)]
    [InlineData("// the delimiter is " + Raw, Raw)]
    [InlineData("string s = " + Raw, "")]
    [InlineData("string s = " + Raw + "\"", Raw)]
    public void TooLong_LineAfterWhatOpensNoRawString_IsFound(string before, string after) =>
        Assert.Equal([2], LineLength.TooLong($"{before}\n{Long}\n{after}\n"));

    [Fact]
    public void TooLong_LineThatOpensOrClosesARawString_IsFound() =>
        Assert.Equal([1, 3], LineLength.TooLong($"{Long} = {Raw}\n{Long}\n{Raw} + {Long}"));
}
