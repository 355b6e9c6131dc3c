namespace CocoGuest.Cli.Demo;

/// <summary>
/// Finds the other programs: in the source tree's build output of the same configuration, else beside this one, where a publish puts them.
/// </summary>
internal static class ProgramLocator
{
    public const string Server = "CocoGuest.Service";
    public const string RdmaImporter = "rdma-importer";
    public const string DrmImporter = "drm-importer";

    private static readonly Dictionary<string, string> Projects = new()
    {
        [Server] = "src/GuestService",
        [RdmaImporter] = "src/Clients/RdmaImporter",
        [DrmImporter] = "src/Clients/DrmImporter",
    };

    /// <summary>This program; under <c>dotnet coco.dll</c> the process's path would be the runtime's.</summary>
    public static string Self =>
        Path.Combine(AppContext.BaseDirectory, "coco") is var own && File.Exists(own) ? own : Environment.ProcessPath!;

    /// <summary>Path of a program.</summary>
    /// <exception cref="FileNotFoundException">Not found; the message says where it was looked for.</exception>
    public static string Find(string program)
    {
        string own = AppContext.BaseDirectory;
        var candidates = new List<string>();
        // .../src/Clients/Cli/bin/Debug/net10.0/ -> Debug/net10.0
        var framework = new DirectoryInfo(own.TrimEnd(Path.DirectorySeparatorChar));
        for (DirectoryInfo? root = framework.Parent; root is not null; root = root.Parent)
        {
            if (File.Exists(Path.Combine(root.FullName, "CocoGuest.sln")))
                candidates.Add(Path.Combine(root.FullName, Projects[program], "bin", framework.Parent!.Name, framework.Name, program));
        }

        candidates.Add(Path.Combine(own, program));
        return candidates.Find(File.Exists)
            ?? throw new FileNotFoundException($"The program {program} was not found at {string.Join(" or ", candidates)}.");
    }
}
