using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Linux.Files;

/// <summary>
/// An exclusive lock on a folder while sockets in it are claimed: without it, two servers that start together could each take the other's
/// new socket for a stale one. flock on the folder itself leaves no lock file behind and ends with the process.
/// </summary>
public static class FolderLock
{
    /// <summary>Takes the lock if nobody has it; closing the handle gives it back.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="taken">Null where the folder cannot be opened.</param>
    /// <returns>False while somebody else has it.</returns>
    public static bool TryTake(string folder, out SafeFileHandle? taken)
    {
        taken = null;
        int fd = Libc.Open(folder, Libc.ODirectory | Libc.OCloexec);
        if (fd < 0)
        {
            return true;
        }

        var handle = new SafeFileHandle(fd, ownsHandle: true);
        // A file system without flock leaves the race open, not the server down.
        if (Libc.Flock(handle, Libc.LockEx | Libc.LockNb) != 0 && Marshal.GetLastPInvokeError() == Libc.Eagain)
        {
            handle.Dispose();
            return false;
        }

        taken = handle;
        return true;
    }
}
