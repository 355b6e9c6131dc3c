namespace CocoGuest.Tests.Testing;

/// <summary>Where the project's files are, for tests that read documents or run programs.</summary>
public static class Repository
{
    /// <summary>Folder of CocoGuest.sln, found upwards from the test assembly.</summary>
    public static string Root { get; } = Find();

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
