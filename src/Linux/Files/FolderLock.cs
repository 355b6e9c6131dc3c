using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Linux.Files;

/// <summary>
/// An exclusive lock on a folder while sockets in it are claimed: without it, two servers that start together could each take the other's
/// new socket for a stale one. flock on the folder itself leaves no lock file behind and ends with the process.
/// </summary>
public static class FolderLock
{
    /// <summary>Waits for the lock; closing the handle gives it back. Null where the folder cannot be opened.</summary>
    public static SafeFileHandle? Take(string folder)
    {
        int fd = Libc.Open(folder, Libc.ODirectory | Libc.OCloexec);
        if (fd < 0)
        {
            return null;
        }

        var handle = new SafeFileHandle(fd, ownsHandle: true);
        // A file system without flock leaves the race open, not the server down.
        _ = Libc.Flock(handle, Libc.LockEx);
        return handle;
    }
}
