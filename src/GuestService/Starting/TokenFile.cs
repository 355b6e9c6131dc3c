namespace CocoGuest.Service.Starting;

/// <summary>
/// The file that holds the token for TCP: whoever may read it may make privileged calls. What it holds never stands in a sentence or a log.
/// </summary>
internal static class TokenFile
{
    private const UnixFileMode Owners = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode TooOpen = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite;
    private const int Shortest = 16;
    private const int Longest = 256;

    /// <summary>The file's token; where there is no file, it is made with the new one.</summary>
    /// <exception cref="StartupException">It cannot be read or made, is open to others, or holds no token.</exception>
    public static string ReadOrMake(string path, string made)
    {
        try
        {
            if (Path.Exists(path))
            {
                return Read(path);
            }

            Make(path, made);
            return made;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"The token file {path} cannot be used: {e.Message}", e);
        }
    }

    private static string Read(string path)
    {
        // A link is followed: Kubernetes mounts secrets as links.
        if ((File.GetUnixFileMode(path) & TooOpen) != 0)
        {
            throw new StartupException($"The token file {path} is open to other users; make it mode 0600.");
        }

        string token = new FileInfo(path).Length <= 2 * Longest ? File.ReadAllText(path).Trim() : "";
        return token.Length is >= Shortest and <= Longest && token.All(c => c is > ' ' and < (char)127)
            ? token
            : throw new StartupException($"The token file {path} holds no token: {Shortest} to {Longest} printable ASCII characters.");
    }

    private static void Make(string path, string token)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = Owners };
        using var writer = new StreamWriter(path, options);
        writer.WriteLine(token);
    }
}
