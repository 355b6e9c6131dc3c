using CocoGuest.Linux.Files;
using CocoGuest.Linux.Processes;

namespace CocoGuest.Service.Starting;

/// <summary>
/// The folder of the server's sockets: mode 0700 and owned by the server's user, or the server does not start. Somebody else's folder of
/// the expected name under /tmp would let him answer in the server's place.
/// </summary>
internal static class RuntimeDirectory
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary><c>$XDG_RUNTIME_DIR/cocoguest</c>, or <c>/tmp/cocoguest-UID</c> without that variable.</summary>
    public static string DefaultPath() =>
        Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } folder
            ? Path.Combine(folder, "cocoguest")
            : $"/tmp/cocoguest-{UnixUser.EffectiveId}";

    /// <summary>Makes the folder where it is missing and checks it.</summary>
    /// <exception cref="StartupException">It cannot be made, is no folder, has another owner or is open to others.</exception>
    public static void Prepare(string path)
    {
        // Options are made absolute; only the variable can say anything else.
        if (!Path.IsPathFullyQualified(path))
        {
            throw new StartupException(
                $"XDG_RUNTIME_DIR is no absolute path, so the runtime folder would be {path}; choose one with --runtime-dir.");
        }

        try
        {
            Directory.CreateDirectory(path, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"The runtime folder {path} cannot be made: {e.Message}", e);
        }

        UnixFileStatus? status = UnixFiles.StatusOf(path);
        if (status is not { Type: UnixFileType.Folder })
        {
            throw new StartupException($"The runtime folder {path} is not a folder of its own (a link does not count).");
        }

        if (status.Value.Owner != UnixUser.EffectiveId)
        {
            throw new StartupException(
                $"The runtime folder {path} belongs to uid {status.Value.Owner}, not to uid {UnixUser.EffectiveId}; "
                + "choose another with --runtime-dir.");
        }

        if ((status.Value.Mode & ~OwnerOnly) != 0)
        {
            throw new StartupException($"The runtime folder {path} is open to other users; make it mode 0700.");
        }
    }
}
