using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.CClient;

/// <summary>
/// src/Clients/C, built and installed by CMake into a folder of its own; on first use, and once for all tests of a class.
/// </summary>
public sealed class CClientBuild : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-c-");
    private readonly Lazy<Task<string>> _plain;
    private readonly Lazy<Task<string>> _sanitized;

    public CClientBuild()
    {
        _plain = new(() => BuildAsync("plain"));
        _sanitized = new(() => BuildAsync("sanitized", "-DCOCOGUEST_SANITIZE=ON"));
    }

    /// <summary>The library's sources.</summary>
    public static string Sources => Path.Combine(Repository.Root, "src/Clients/C");

    /// <summary>Room for what a test builds itself.</summary>
    public string Folder => _folder.FullName;

    /// <summary>Where the library is installed, after <see cref="ProgramAsync"/> or <see cref="InstallAsync"/>.</summary>
    public string Prefix => Path.Combine(Folder, "plain/prefix");

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Path of a test program.</summary>
    public async Task<string> ProgramAsync(string name, bool sanitized = false) =>
        Path.Combine(await (sanitized ? _sanitized : _plain).Value, $"coco_test_{name}");

    /// <summary>Builds and installs the library.</summary>
    /// <returns>The build's folder.</returns>
    public Task<string> InstallAsync() => _plain.Value;

    private async Task<string> BuildAsync(string name, params string[] options)
    {
        string build = Path.Combine(Folder, name);
        await RunAsync(
            "cmake", ["-S", Sources, "-B", build, $"-DCMAKE_INSTALL_PREFIX={build}/prefix", "-DCMAKE_INSTALL_LIBDIR=lib", .. options]);
        await RunAsync("cmake", ["--build", build, "--parallel", "2"]);
        await RunAsync("cmake", ["--install", build]);
        return build;
    }

    private static async Task RunAsync(string program, string[] arguments)
    {
        (int exitCode, _, string said) = await ChildProgram.RunAsync(program, arguments);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', arguments)}:\n{said}");
    }
}
