namespace CocoGuest.Supervisor.Launch;

/// <summary>Finds a program as a shell does.</summary>
internal static class ProgramFile
{
    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>
    /// A name with a slash is a path, and whether it may be executed is the kernel's to say; another is looked up in PATH among the
    /// files that may. Null: there is none.
    /// </summary>
    public static string? Find(string name, string? path) =>
        name.Contains('/', StringComparison.Ordinal)
            ? (Path.Exists(name) ? name : null)
            : (path ?? "/usr/local/bin:/usr/bin:/bin")
                .Split(':')
                .Select(folder => Path.Combine(folder.Length == 0 ? "." : folder, name))
                .FirstOrDefault(IsProgram);

    /// <summary>True for a binary: a shell has no use for one that the kernel refuses.</summary>
    public static bool IsElf(string path)
    {
        Span<byte> head = stackalloc byte[4];
        try
        {
            using FileStream file = File.OpenRead(path);
            return file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && head.SequenceEqual("\x7fELF"u8);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsProgram(string path) => File.Exists(path) && (File.GetUnixFileMode(path) & Executable) != 0;
}
