using CocoGuest.Machine;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Processes;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Files;

/// <summary>
/// The memfds that programs make by themselves, for <c>/dev/udmabuf</c>: real ones, so a udmabuf's bytes are the program's own pages.
/// <para>Called under the guest's lock; calls the host only.</para>
/// </summary>
internal sealed class HostMemfds(Func<GuestProcess, SafeFileHandle?> handleOf) : INativeMemfds
{
    /// <inheritdoc/>
    public INativeMemfd? Find(GuestProcess process, int fd)
    {
        using SafeFileHandle? file = handleOf(process) is { } handle ? HostFile.TakeFd(handle, fd) : null;
        return file is null || HostFile.SealsOf(file) is not { } seals ? null : new Memfd(HostFile.Reopen(file, ReadWrite), seals);
    }

    private const int ReadWrite = 2;

    // Looked at once: a memfd can still grow behind a udmabuf, as it can in the kernel.
    private sealed class Memfd(SafeFileHandle file, int seals) : INativeMemfd
    {
        public ulong Size { get; } = (ulong)RandomAccess.GetLength(file);

        public FileSeals Seals => (FileSeals)seals;

        public Result<SafeFileHandle> Open() => file;
    }
}
