using CocoGuest.Linux.Files;
using CocoGuest.Linux.Sockets;
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
    private const int LongestPath = UnixListener.LongestPath;

    /// <summary>How long another server may have a folder's lock: it has it for the time of a bind.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

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
                locks.Add(Lock(folder));
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

    /// <summary>The lock of a folder; null where somebody else keeps it, or there is none.</summary>
    public static IDisposable? TryLock(string folder) => TryLock(folder, out SafeFileHandle? taken) ? taken : null;

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

        // Without waiting: a server whose queue of connections is full would let nobody connect for as long as it likes.
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            // Somebody listens, and is busy.
        }
        catch (SocketException e)
        {
            throw new StartupException($"The socket {path} exists and cannot be tried: {e.Message}.", e);
        }

        throw new StartupException(
            $"Another server is listening on {path}; stop it, or choose another path with --socket or --runtime-dir.");
    }

    private static SafeFileHandle? Lock(string folder) => TryLock(folder, out SafeFileHandle? taken)
        ? taken
        : throw new StartupException(
            $"Another program holds the lock of the folder {folder} (flock), and did not let go within a second; end it, or choose another "
            + "folder with --runtime-dir.");

    private static bool TryLock(string folder, out SafeFileHandle? taken)
    {
        SafeFileHandle? found = null;
        bool had = SpinWait.SpinUntil(() => FolderLock.TryTake(folder, out found), Patience);
        taken = found;
        return had;
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
