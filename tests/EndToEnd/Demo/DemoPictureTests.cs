using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Demo;

/// <summary>The demo on real pictures of a Debian package, compared pixel by pixel with a convolution that shares no code with it.</summary>
public sealed class DemoPictureTests(SharedServer shared) : IClassFixture<SharedServer>, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-e2e-demo-");

    private string Output => Path.Combine(_folder.FullName, "out.png");

    public void Dispose() => _folder.Delete(recursive: true);

    [ForeignTheory(ForeignTool.Pictures | ForeignTool.Node)]
    [InlineData("snp", Pictures.Wide)]
    [InlineData("snp", Pictures.Alpha)]
    [InlineData("snp", Pictures.Small)]
    [InlineData("tdx", Pictures.Wide)]
    [InlineData("sev", Pictures.Small)]
    [InlineData("none", Pictures.Small)]
    public async Task Demo_RealPicture_EachPixelIsTheConvolution(string platform, string picture)
    {
        string input = ForeignTools.Picture(picture);

        DemoResult demo = await RunAsync("--platform", platform, "--input", input);

        Assert.Equal((0, "Picture", "Picture", true), demo.Verdict);
        (int differing, string detail) = await PictureCheck.SharpenedAsync(input, Output);
        Assert.True(differing == 0, detail);
    }

    [ForeignFact(ForeignTool.Pictures | ForeignTool.Node)]
    [Statement("S-BUF-65", "S-SYS-61", "S-SYS-62")]
    public async Task Demo_SmallPictureInPrivateMemory_BouncesAndIsRightWithSyncs()
    {
        string input = ForeignTools.Picture(Pictures.Small);

        DemoResult demo = await RunAsync("--heap", "system", "--input", input);

        Assert.Equal((0, "Picture", "Picture", true), demo.Verdict);
        Assert.NotEqual(0, demo.Number("swiotlb", "bouncedMappings"));
        (int differing, string detail) = await PictureCheck.SharpenedAsync(input, Output);
        Assert.True(differing == 0, detail);
    }

    [ForeignFact(ForeignTool.Pictures | ForeignTool.Node)]
    [Statement("S-BUF-65", "S-SYS-62")]
    public async Task Demo_SmallPictureWithoutSyncs_ApplicationSavesTheZerosOfTheAllocation()
    {
        DemoResult demo = await RunAsync("--heap", "system", "--no-sync", "--input", ForeignTools.Picture(Pictures.Small));

        Assert.Equal((0, "Untouched", "Untouched", true), demo.Verdict);
        (int differing, string detail) = await PictureCheck.BlackAsync(Output);
        Assert.True(differing == 0, detail);
    }

    [ForeignFact(ForeignTool.Pictures)]
    [Statement("S-SYS-60", "S-SWI-12")]
    public async Task Demo_BigPictureInPrivateMemory_FailsWithEioAndSavesNothing()
    {
        DemoResult demo = await RunAsync("--heap", "system", "--input", ForeignTools.Picture(Pictures.Wide));

        Assert.Equal((0, "MapFailed", "MapFailed", true), demo.Verdict);
        Assert.StartsWith("EIO (5)", demo.Text("error"), StringComparison.Ordinal);
        Assert.False(File.Exists(Output));
    }

    [ForeignFact(ForeignTool.Pictures)]
    public async Task Demo_PictureWithAColourMap_IsRefusedWithASentenceThatSaysSo()
    {
        DemoResult demo = await RunAsync("--input", ForeignTools.Picture(Pictures.ColourMap));

        Assert.Equal(1, demo.ExitCode);
        Assert.Matches("(?i)palette|colou?r[- ]?map|colou?r type 3", demo.Text("error", "message"));
        Assert.False(File.Exists(Output));
    }

    [ForeignFact(ForeignTool.Pictures | ForeignTool.Node)]
    public async Task PictureCheck_PictureThatIsNotSharpened_FindsIt()
    {
        string picture = ForeignTools.Picture(Pictures.Small);

        (int differing, _) = await PictureCheck.SharpenedAsync(picture, picture);

        Assert.NotEqual(0, differing);
    }

    private Task<DemoResult> RunAsync(params string[] arguments) =>
        DemoResult.RunAsync(["--server", shared.Server.Unix, "--output", Output, .. arguments]);
}
