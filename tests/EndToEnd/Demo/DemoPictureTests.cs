using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Demo;

/// <summary>
/// The demo on real pictures of a Debian package, compared pixel by pixel with a convolution that shares no code with it.
/// </summary>
public sealed class DemoPictureTests(SharedServer shared) : IClassFixture<SharedServer>, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-e2e-demo-");

    private string Output => Path.Combine(_folder.FullName, "out.png");

    public void Dispose() => _folder.Delete(recursive: true);

    [ForeignTheory(ForeignTool.Pictures | ForeignTool.Node)]
    [InlineData("snp", Pictures.Wide)]
    [InlineData("snp", Pictures.Alpha)]
    [InlineData("snp", Pictures.Small)]
    [InlineData("snp", Pictures.ColourMap)]
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
    public async Task Demo_Jpeg_IsReadSharpenedAndSaved()
    {
        DemoResult demo = await RunAsync("--input", ForeignTools.Picture(Pictures.Jpeg));

        Assert.Equal((0, "Picture", "Picture", true), demo.Verdict);
    }

    [Fact]
    public async Task Demo_Bmp_IsReadSharpenedAndSaved()
    {
        DemoResult demo = await RunAsync("--input", Input("bmp", Bmp(9, 7)));

        Assert.Equal((0, "Picture", "Picture", true), demo.Verdict);
        Assert.StartsWith("9x7,", demo.Text("picture"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Demo_FileThatIsNoPicture_NamesItAndSaysWhatIsRead()
    {
        string input = Input("png", "no picture"u8.ToArray());

        DemoResult demo = await RunAsync("--input", input);

        Assert.Equal((1, $"{input}: this is no PNG, JPEG or BMP file."), (demo.ExitCode, demo.Text("error", "message")));
        Assert.False(File.Exists(Output));
    }

    [ForeignFact(ForeignTool.Pictures | ForeignTool.Node)]
    public async Task PictureCheck_PictureThatIsNotSharpened_FindsIt()
    {
        string picture = ForeignTools.Picture(Pictures.Small);

        (int differing, _) = await PictureCheck.SharpenedAsync(picture, picture);

        Assert.NotEqual(0, differing);
    }

    // 24 bits a pixel, rows from the bottom, each a multiple of four bytes.
    private static byte[] Bmp(short width, short height)
    {
        byte[] pixels = new byte[height * ((width * 3 + 3) & ~3)];
        new Random(1).NextBytes(pixels);
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        writer.Write("BM"u8);
        writer.Write(54 + pixels.Length);
        writer.Write(0);
        writer.Write(54);
        foreach (int field in new[] { 40, width, height, 1 | (24 << 16), 0, pixels.Length, 0, 0, 0, 0 })
        {
            writer.Write(field);
        }

        writer.Write(pixels);
        return file.ToArray();
    }

    private string Input(string ending, byte[] bytes)
    {
        string path = Path.Combine(_folder.FullName, $"in.{ending}");
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private Task<DemoResult> RunAsync(params string[] arguments) =>
        DemoResult.RunAsync(["--server", shared.Server.Unix, "--output", Output, .. arguments]);
}
