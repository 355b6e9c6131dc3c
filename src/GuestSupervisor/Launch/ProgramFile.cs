namespace CocoGuest.Supervisor.Launch;

/// <summary>Finds a program as a shell does.</summary>
internal static class ProgramFile
{
    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>A name with a slash is a path; another is looked up in PATH. Null: there is no such file that may be executed.</summary>
    public static string? Find(string name, string? path) =>
        name.Contains('/', StringComparison.Ordinal)
            ? (IsProgram(name) ? name : null)
            : (path ?? "/usr/local/bin:/usr/bin:/bin").Split(':').Select(folder => Path.Combine(folder.Length == 0 ? "." : folder, name)).FirstOrDefault(IsProgram);

    private static bool IsProgram(string path) => File.Exists(path) && (File.GetUnixFileMode(path) & Executable) != 0;
}
