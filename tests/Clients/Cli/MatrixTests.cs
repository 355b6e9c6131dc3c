using CocoGuest.Cli.Run;

namespace CocoGuest.Tests.Clients.Cli;

/// <summary><c>--matrix</c>.</summary>
public class MatrixTests
{
    [Theory]
    [InlineData("6.12,7.2", "x", "none,snp")]
    [InlineData("6.12,7.2 x none,snp")]
    [InlineData("6.12,", "7.2", "x", "none,", "snp")]
    public void Parse_OneWordOrMany_IsKernelsAndPlatforms(params string[] words)
    {
        (string[] kernels, string[] platforms) = Matrix.Parse(words);

        Assert.Equal(["6.12", "7.2"], kernels);
        Assert.Equal(["none", "snp"], platforms);
    }

    [Theory]
    [InlineData("6.12,7.2")]
    [InlineData("6.12", "x")]
    [InlineData("x", "none")]
    [InlineData(",", "x", "none")]
    [InlineData("6.12", "x", "none", "x", "snp")]
    public void Parse_NotTwoSides_SaysHowToWriteIt(params string[] words) =>
        Assert.Contains(
            "6.12,seed-v1,7.2 x none,sev,snp",
            Assert.Throws<FormatException>(() => Matrix.Parse(words)).Message,
            StringComparison.Ordinal);
}
