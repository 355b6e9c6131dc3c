using CocoGuest.Machine;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor;

/// <summary>
/// Tells of an fd that a program sent to somebody outside the guest which file of the guest it is. To have the fd is to be entitled to
/// the file, as with SCM_RIGHTS in a kernel.
/// </summary>
public static class ProgramFiles
{
    /// <summary>The dma-buf that an open file of the host stands for; null: none of this guest's.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="file">An fd from anywhere. Nothing is called on it that its file system could let wait.</param>
    public static NativeFile? DmaBufOf(Guest guest, SafeFileHandle file)
    {
        // Only memfds have seals, and their fstat waits for nobody; that of a file of FUSE may.
        bool isMemfd = HostFile.SealsOf(file) is not null;
        return isMemfd && GuestRuns.Of(guest).FileOf(file) is { Kind: NativeFileKind.DmaBuf } buffer ? buffer : null;
    }
}
