namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>The reader of documents must itself be able to say no.</summary>
public sealed class TranscriptTests
{
    private const string Document =
        "# T\n\n## One\n\n```c\nint x;\n```\n\n```console\n$ first\n$ second -x\nout …]\nmore\n$ third\n```\n\n"
        + "## Two\n\n```c\nint y;\n```\n";

    [Fact]
    public void Blocks_Section_AreItsOwn() => Assert.Equal(["int x;\n"], Transcript.Blocks(Document, "One")["c"]);

    [Fact]
    public void Blocks_LastSection_EndsWithTheDocument() => Assert.Equal(["int y;\n"], Transcript.Blocks(Document, "Two")["c"]);

    [Fact]
    public void Commands_Console_HaveTheirOutputs() => Assert.Equal(
        [("first", ""), ("second -x", "out …]\nmore\n"), ("third", "")],
        Transcript.Commands(Transcript.Blocks(Document, "One")["console"].Single()));

    [Theory]
    [InlineData("out …]\nmore\n", "out 0x12]\nmore\n", true)]
    [InlineData("out …]\nmore\n", "out 0x12]  \nmore\n\n", true)]
    [InlineData("out …]\nmore\n", "out ]\nmore\n", false)]
    [InlineData("out …]\nmore\n", "out 1 2]\nmore\n", false)]
    [InlineData("out …]\nmore\n", "out 1]\n", false)]
    [InlineData("out …]\nmore\n", "out 1]\nmore\nand more\n", false)]
    [InlineData("a.c\n", "abc\n", false)]
    public void IsShown_Output_IsComparedButForMarks(string shown, string output, bool expected) =>
        Assert.Equal(expected, Transcript.IsShown(shown, output));
}
