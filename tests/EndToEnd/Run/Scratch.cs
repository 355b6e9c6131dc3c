namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>A folder of a test's own, gone after it.</summary>
public sealed class Scratch : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-e2e-run-");

    /// <summary>Path of a file in it.</summary>
    internal string this[string name] => Path.Combine(_folder.FullName, name);

    /// <summary>Writes a file that may be executed, or may not.</summary>
    internal string Write(string name, string text, bool executable)
    {
        File.WriteAllText(this[name], text);
        const UnixFileMode readWrite = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.SetUnixFileMode(this[name], executable ? readWrite | UnixFileMode.UserExecute : readWrite);
        return this[name];
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);
}
