using CocoGuest.Linux.Files;
using Microsoft.Win32.SafeHandles;
using System.Net.Sockets;

namespace CocoGuest.Service.Starting;

/// <summary>
/// The name of a listening Unix socket. A file of that name that is left over from a dead server is removed, but only after a connection
/// to it was refused; a live server there, or any other kind of file, is left alone and the start ends.
/// </summary>
/// <remarks>
/// From <see cref="Claim"/> until the lock that it returns is disposed, no other server of this machine claims a name in the same folder:
/// bind and chmod belong in between.
/// </remarks>
internal static class SocketFile
{
    /// <summary>sun_path holds 108 bytes, the last one NUL.</summary>
    private const int LongestPath = 107;

    /// <summary>Mode of every socket of the server.</summary>
    public const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes the names free, or says who has one.</summary>
    /// <returns>Keep until the sockets are bound and their modes are set.</returns>
    /// <exception cref="StartupException">A name is taken or no good.</exception>
    public static IDisposable Claim(params IReadOnlyList<string> paths)
    {
        var locks = new FolderLocks();
        try
        {
            // In one order for all servers, so that two that start together cannot wait for each other.
            foreach (string folder in paths.Select(p => Path.GetDirectoryName(p)!).Distinct().Order(StringComparer.Ordinal))
            {
                locks.Add(FolderLock.Take(folder));
            }

            foreach (string path in paths)
            {
                RemoveStale(path);
            }

            return locks;
        }
        catch
        {
            locks.Dispose();
            throw;
        }
    }

    /// <summary>Removes the file after the listener was closed, if that did not.</summary>
    public static void Remove(string path)
    {
        if (UnixFiles.StatusOf(path) is { Type: UnixFileType.Socket })
        {
            File.Delete(path);
        }
    }

    /// <summary>Checks what can be checked of a path before anything is made.</summary>
    /// <exception cref="StartupException">It is too long, or its folder is missing.</exception>
    public static void Check(string path)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(path) > LongestPath)
        {
            throw new StartupException($"The socket path {path} is longer than the {LongestPath} bytes that Linux allows.");
        }

        if (!Directory.Exists(Path.GetDirectoryName(path)))
        {
            throw new StartupException($"The folder of the socket {path} does not exist.");
        }
    }

    private static void RemoveStale(string path)
    {
        switch (UnixFiles.StatusOf(path))
        {
            case null:
                return;
            case { Type: not UnixFileType.Socket }:
                throw new StartupException($"{path} exists and is not a socket; move it away or choose another path.");
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException e)
        {
            throw new StartupException($"The socket {path} exists and cannot be tried: {e.Message}.", e);
        }

        throw new StartupException(
            $"Another server is listening on {path}; stop it, or choose another path with --socket or --runtime-dir.");
    }

    private sealed class FolderLocks : IDisposable
    {
        private readonly List<SafeFileHandle> _held = [];

        public void Add(SafeFileHandle? folder)
        {
            if (folder is not null)
            {
                _held.Add(folder);
            }
        }

        public void Dispose() => _held.ForEach(static h => h.Dispose());
    }
}
