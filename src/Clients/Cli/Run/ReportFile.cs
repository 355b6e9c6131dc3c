namespace CocoGuest.Cli.Run;

/// <summary>
/// A file that a report goes into. It is opened before the program runs, so that a folder that is not there is found in time, and what is
/// in it stays until there is a report.
/// </summary>
internal sealed class ReportFile : IDisposable
{
    private readonly FileStream _file;
    private readonly bool _isNew;

    private ReportFile(FileStream file, bool isNew) => (_file, _isNew) = (file, isNew);

    /// <summary>JUnit is wanted, not JSON.</summary>
    public bool IsJUnit => _file.Name.EndsWith(".xml", StringComparison.Ordinal);

    /// <summary>Opens it.</summary>
    /// <exception cref="FormatException">It cannot be written; the message says why.</exception>
    public static ReportFile Open(string path)
    {
        try
        {
            bool isNew = !File.Exists(path);
            return new ReportFile(new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0), isNew);
        }
        catch (Exception e) when (IsOfFiles(e))
        {
            throw new FormatException($"--json: {Why(path, e)}", e);
        }
    }

    /// <summary>True for what file calls throw about a path or a disk.</summary>
    public static bool IsOfFiles(Exception e) =>
        e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException;

    /// <summary>Why a path cannot be written, in a sentence.</summary>
    public static string Why(string path, Exception e) => e switch
    {
        DirectoryNotFoundException => $"{path} cannot be written: there is no folder {Path.GetDirectoryName(Path.GetFullPath(path))}",
        UnauthorizedAccessException when Directory.Exists(path) => $"{path} cannot be written: it is a folder",
        UnauthorizedAccessException => $"{path} cannot be written: permission denied",
        _ => $"{path} cannot be written: {e.Message}",
    };

    /// <summary>Writes the report in place of what was there.</summary>
    /// <returns>Null, or why not, in a sentence.</returns>
    public string? Write(string text)
    {
        try
        {
            if (_file.CanSeek && _file.Length != 0)
            {
                _file.SetLength(0);
            }

            _file.Write(System.Text.Encoding.UTF8.GetBytes(text));
            return null;
        }
        catch (Exception e) when (IsOfFiles(e))
        {
            return $"--json: {Why(_file.Name, e)}";
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        bool unused = _isNew && _file.CanSeek && _file.Length == 0;
        _file.Dispose();
        if (unused)
        {
            File.Delete(_file.Name);
        }
    }
}
