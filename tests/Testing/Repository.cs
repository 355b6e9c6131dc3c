namespace CocoGuest.Tests.Testing;

/// <summary>Where the project's files are, for tests that read documents or run programs.</summary>
public static class Repository
{
    /// <summary>Folder of CocoGuest.sln, found upwards from the test assembly.</summary>
    public static string Root { get; } = Find();

    /// <summary>
    /// The C# files of folders of the project, as path from its root and text; what builds leave there is not among them.
    /// </summary>
    public static IEnumerable<(string Path, string Text)> Sources(params string[] folders) =>
        from folder in folders
        from file in Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
        let path = Path.GetRelativePath(Root, file)
        where !path.Split('/').Any(part => part is "bin" or "obj")
        select (path, File.ReadAllText(file));

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "CocoGuest.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No CocoGuest.sln above {AppContext.BaseDirectory}.");
    }
}
