using System.Net.Sockets;
using CocoGuest.Linux.Files;
using CocoGuest.Linux.Sockets;

namespace CocoGuest.Service.Starting;

/// <summary>
/// The name of a listening socket of this server, from bind to removal. It is removed only while it is still this server's: somebody may
/// have deleted it meanwhile, and another server may have taken it.
/// </summary>
/// <param name="path">The path.</param>
internal sealed class SocketName(string path)
{
    private UnixFileIdentity? _bound;

    /// <summary>The path.</summary>
    public string Path => path;

    /// <summary>Binds a socket to the name, which <see cref="SocketFile.Claim"/> made free, with the server's mode.</summary>
    /// <exception cref="IOException">It cannot be bound.</exception>
    public Socket Bind()
    {
        Socket bound = UnixListener.Bind(path);
        _bound = UnixFiles.IdentityOf(path);
        File.SetUnixFileMode(path, SocketFile.Mode);
        return bound;
    }

    /// <summary>Removes the name, once, if it is still that of the bound socket.</summary>
    public void Remove()
    {
        if (_bound is not { } mine)
        {
            return;
        }

        _bound = null;
        // Servers take names under this lock: while it is held, nobody puts another socket in the place of what is looked at here. Where it
        // cannot be had, a name that is still ours goes all the same.
        using IDisposable? locked = SocketFile.TryLock(System.IO.Path.GetDirectoryName(path)!);
        if (UnixFiles.IdentityOf(path) == mine)
        {
            File.Delete(path);
        }
    }
}
