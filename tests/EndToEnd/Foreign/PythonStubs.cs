using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>Python's code for our protos, made by Debian's protoc once for all tests of a class.</summary>
public sealed class PythonStubs : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-e2e-stubs-");

    /// <summary>For PYTHONPATH.</summary>
    public string Folder => _folder.FullName;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        if (ForeignTools.SkipReason(ForeignTool.Python) is not null)
        {
            return;
        }

        string[] files = [.. new[] { "cocoguest/v1", "google/rpc" }
            .SelectMany(f => Directory.GetFiles(Path.Combine(Programs.Protos, f), "*.proto"))];
        (int exitCode, _, string said) = await ChildProgram.RunAsync(
            "/usr/bin/protoc",
            [
                $"-I{Programs.Protos}", $"--python_out={Folder}", $"--grpc_python_out={Folder}",
                "--plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin", .. files,
            ]);
        Assert.True(exitCode == 0, said);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Starts the client.</summary>
    internal ChildProgram Start(string mode, string target, params string[] more) => ChildProgram.Start(
        ForeignTools.Python, [Programs.Foreign("python/coco_client.py"), mode, target, .. more],
        ("PYTHONPATH", Folder), ("PYTHONDONTWRITEBYTECODE", "1"));
}
