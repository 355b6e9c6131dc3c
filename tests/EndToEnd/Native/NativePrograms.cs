using System.IO.Compression;
using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>The C programs of these tests, built once for all tests of a class, and recordings unpacked for the probe.</summary>
public sealed class NativePrograms : IDisposable
{
    private static readonly string[] Strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g"];
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-e2e-native-");
    private readonly Dictionary<string, Task<string>> _built = new(StringComparer.Ordinal);

    /// <summary>A folder for what a test leaves.</summary>
    public string Folder => _folder.FullName;

    /// <summary>Path of a program of <c>programs/</c>.</summary>
    internal Task<string> BuildAsync(string name) => OnceAsync(name, () => [Programs.Native($"programs/{name}.c")], []);

    /// <summary>Path of the probe.</summary>
    internal Task<string> ProbeAsync() => OnceAsync("probe", ProbeSources, []);

    /// <summary>Path of a probe that ends with a message where it does what C leaves undefined.</summary>
    internal Task<string> CheckedProbeAsync() =>
        OnceAsync("probe-checked", ProbeSources, ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);

    /// <summary>Path of a recording as plain lines.</summary>
    internal async Task<string> UnpackAsync(string recording)
    {
        string path = Path.Combine(Folder, recording + ".jsonl");
        await using var packed = new GZipStream(File.OpenRead(Programs.Recording(recording)), CompressionMode.Decompress);
        await using FileStream plain = File.Create(path);
        await packed.CopyToAsync(plain);
        return path;
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);

    private static string[] ProbeSources() => Directory.GetFiles(Programs.Native("probe"), "*.c");

    private Task<string> OnceAsync(string name, Func<string[]> sources, string[] options)
    {
        if (!_built.TryGetValue(name, out Task<string>? built))
        {
            _built.Add(name, built = CompileAsync(name, sources(), options));
        }

        return built;
    }

    private async Task<string> CompileAsync(string name, string[] sources, string[] options)
    {
        Assert.Null(ForeignTools.SkipReason(ForeignTool.Compiler));
        string path = Path.Combine(Folder, name);
        (int exitCode, _, string said) = await ChildProgram.RunAsync("cc", [.. Strict, .. options, "-o", path, .. sources]);
        Assert.True(exitCode == 0, said);
        return path;
    }
}
