using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Start;

/// <summary>The command line as `dotnet publish` makes it from what is built, in a folder far from the sources.</summary>
public sealed class PublishedCoco : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-publish-");

    /// <summary>The folder.</summary>
    public string Folder => _folder.FullName;

    /// <summary>The program.</summary>
    public string Coco => Path.Combine(Folder, "coco");

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        string configuration = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)).Parent!.Name;
        (int exitCode, _, string said) = await ChildProgram.RunAsync(
            "dotnet",
            [
                "publish", Path.Combine(Repository.Root, "src/Clients/Cli"), "--no-build", "-c", configuration, "-o", Folder,
                "-nodeReuse:false",
            ],
            ("DOTNET_CLI_USE_MSBUILD_SERVER", "0"), ("DOTNET_CLI_TELEMETRY_OPTOUT", "1"));
        Assert.True(exitCode == 0, said);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}
