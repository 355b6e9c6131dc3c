using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Demo;

/// <summary>
/// What the demo shows to people and leaves behind: what was counted when adds up, and its picture lies beside the result.
/// </summary>
public sealed class DemoViewTests(SharedServer shared) : IClassFixture<SharedServer>, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-e2e-demo-");

    private string Output => Path.Combine(_folder.FullName, "result.png");

    private string Input => Path.Combine(_folder.FullName, "result-input.png");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task View_OfConversions_SaysWhenEachWasCounted()
    {
        (int exitCode, _, string said) = await ChildProgram.RunAsync(
            Programs.Coco, ["demo", "--server", shared.Server.Unix, "--size", "64x64", "--output", Output]);

        Assert.Equal(0, exitCode);
        // Three buffers of four pages, each page a chunk of its own: the sender's, the picture, the result.
        Assert.Matches(@"conversions until the result was saved +│ 12 to shared \(12 pages\), 0 to private \(0 pages\)", said);
        Assert.Matches(@"conversions by the release after it +│ 0 to shared \(0 pages\), 12 to private \(12 pages\)", said);
        Assert.Matches(@"application's pages after the release +│ 8 private", said);
        Assert.DoesNotMatch(@"│ (conversions|page states (before|during|after)) +│", said);
    }

    [Fact]
    public async Task Report_OfConversions_HasThoseOfTheReleaseApart()
    {
        DemoResult demo = await RunAsync("--size", "64x64", "--output", Output);

        Assert.Equal((12, 0), (demo.Number("conversions", "toShared"), demo.Number("conversions", "toPrivate")));
        Assert.Equal((0, 12), (demo.Number("conversionsAtRelease", "toShared"), demo.Number("conversionsAtRelease", "toPrivate")));
        Assert.Equal(demo.Number("conversions", "pagesToShared"), demo.Number("conversionsAtRelease", "pagesToPrivate"));
    }

    [ForeignFact(ForeignTool.Node)]
    public async Task Input_ThatWasDrawn_IsSavedBesideTheOutput()
    {
        DemoResult demo = await RunAsync("--size", "64x48", "--output", Output);

        Assert.Equal(Input, demo.Text("input"));
        (int differing, string detail) = await PictureCheck.SharpenedAsync(Input, Output);
        Assert.True(differing == 0, detail);
    }

    [Fact]
    public async Task Input_ThatWasGiven_IsNamedAndNotSavedAgain()
    {
        await RunAsync("--size", "64x48", "--output", Output);
        string second = Path.Combine(_folder.FullName, "second.png");

        DemoResult demo = await RunAsync("--input", Input, "--output", second);

        Assert.Equal((0, Input), (demo.ExitCode, demo.Text("input")));
        Assert.Equal(["result-input.png", "result.png", "second.png"], _folder.GetFiles().Select(file => file.Name).Order());
    }

    [Fact]
    public async Task Input_BesideADevice_IsNotSaved()
    {
        DemoResult demo = await RunAsync("--size", "64x48", "--output", "/dev/null");

        Assert.Equal((0, ""), (demo.ExitCode, demo.Text("input")));
        Assert.False(File.Exists("/dev/null-input.png"));
    }

    [Fact]
    public async Task Conversions_OfARunThatStops_HaveNoRelease()
    {
        DemoResult demo = await RunAsync("--heap", "system", "--output", Output);

        Assert.Equal(("MapFailed", ""), (demo.Text("outcome"), demo.Text("conversionsAtRelease")));
    }

    private Task<DemoResult> RunAsync(params string[] arguments) => DemoResult.RunAsync(["--server", shared.Server.Unix, .. arguments]);
}
