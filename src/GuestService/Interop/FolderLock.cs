using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Service.Interop;

/// <summary>
/// An exclusive lock on a folder while sockets in it are claimed: without it, two servers that start together could each take the other's
/// new socket for a stale one. flock on the folder itself leaves no lock file behind and ends with the process.
/// </summary>
internal static partial class FolderLock
{
    private const int DirectoryCloseOnExec = 0x10000 | 0x80000;
    private const int Exclusive = 2;

    /// <summary>Waits for the lock; closing the handle gives it back. Null where the folder cannot be opened.</summary>
    public static SafeFileHandle? Take(string folder)
    {
        int fd = Open(folder, DirectoryCloseOnExec);
        if (fd < 0)
        {
            return null;
        }

        var handle = new SafeFileHandle(fd, ownsHandle: true);
        // A file system without flock leaves the race open, not the server down.
        _ = Lock(handle, Exclusive);
        return handle;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Lock(SafeFileHandle handle, int operation);
}
