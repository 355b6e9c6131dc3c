using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Start;

/// <summary>What `dotnet publish src/Clients/Cli` makes is whole wherever it is taken; a build puts no half programs on the PATH.</summary>
public sealed class PublishTests(PublishedCoco published) : IClassFixture<PublishedCoco>
{
    [Fact]
    public async Task Demo_OfAPublishedCoco_RunsWithoutTheSourceTree()
    {
        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            published.Coco, ["--json", "demo", "--size", "64x64", "--output", "/dev/null"],
            ("XDG_RUNTIME_DIR", published.Folder));

        Assert.True(exitCode == 0, said);
        Assert.Contains("\"asPredicted\":true", output, StringComparison.Ordinal);
        Assert.DoesNotContain(Repository.Root, said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CocoGuest.Service", "--version")]
    [InlineData("rdma-importer", "--help")]
    [InlineData("drm-importer", "--help")]
    [InlineData("coco", "--version")]
    public async Task Program_OfAPublishedCoco_Starts(string program, string argument)
    {
        (int exitCode, _, string said) = await ChildProgram.RunAsync(Path.Combine(published.Folder, program), [argument]);

        Assert.True(exitCode == 0, said);
    }

    [Fact]
    public void Launchers_OfAPublishedCoco_HaveWhatTheyLaunch() => Assert.Empty(Bare(published.Folder));

    [Fact]
    public void Launchers_BesideABuiltCoco_HaveWhatTheyLaunch() => Assert.Empty(Bare(Path.GetDirectoryName(Programs.Coco)!));

    // Programs without their assembly. coco.host is the host of coco.dll, which coco itself starts.
    private static IEnumerable<string> Bare(string folder) => Directory.GetFiles(folder)
        .Where(file => (File.GetUnixFileMode(file) & UnixFileMode.UserExecute) != 0 && !file.EndsWith(".dll", StringComparison.Ordinal)
            && !file.EndsWith(".so", StringComparison.Ordinal)
            && !File.Exists((Path.GetExtension(file) == ".host" ? Path.ChangeExtension(file, null) : file) + ".dll"));
}
