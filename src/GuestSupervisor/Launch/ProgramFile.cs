namespace CocoGuest.Supervisor.Launch;

/// <summary>Finds a program as a shell does.</summary>
internal static class ProgramFile
{
    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>
    /// A name with a slash is a path, and whether it may be executed is the kernel's to say; another is looked up in PATH among the files that
    /// may. Null: there is none.
    /// </summary>
    public static string? Find(string name, string? path) =>
        name.Contains('/', StringComparison.Ordinal)
            ? (Path.Exists(name) ? name : null)
            : (path ?? "/usr/local/bin:/usr/bin:/bin").Split(':').Select(folder => Path.Combine(folder.Length == 0 ? "." : folder, name)).FirstOrDefault(IsProgram);

    private static bool IsProgram(string path) => File.Exists(path) && (File.GetUnixFileMode(path) & Executable) != 0;
}
