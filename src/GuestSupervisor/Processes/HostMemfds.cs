using System.Runtime.CompilerServices;
using CocoGuest.Linux.Memory;
using CocoGuest.Linux.Processes;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Processes;

/// <summary>
/// The memfds that programs make by themselves, for <c>/dev/udmabuf</c>: real ones, so a udmabuf's bytes are the program's own pages; and
/// whether a number is open at all, for drivers that are given one (S-BUF-40).
/// <para>One for a guest, whatever the number of runs in it. Called under the guest's lock; calls the host only.</para>
/// </summary>
internal sealed class HostMemfds : INativeMemfds, INativeFds
{
    private const int ReadWrite = 2;
    private static readonly ConditionalWeakTable<Guest, HostMemfds> Known = [];
    private readonly Lock _lock = new();
    private readonly List<ProcessBoard> _boards = [];
    private readonly HashSet<FileIdentity> _given = [];

    /// <summary>The guest's.</summary>
    public static HostMemfds Of(Guest guest)
    {
        HostMemfds memfds = Known.GetOrCreateValue(guest);
        guest.Udmabufs.NativeMemfds = memfds;
        guest.Files.NativeFds = memfds;
        return memfds;
    }

    /// <summary>A run's processes are asked from now on.</summary>
    public void Add(ProcessBoard board)
    {
        lock (_lock)
        {
            _boards.Add(board);
        }
    }

    /// <summary>And no longer.</summary>
    public void Remove(ProcessBoard board)
    {
        lock (_lock)
        {
            _boards.Remove(board);
        }
    }

    /// <summary>True if a file is a program's own memfd that became a udmabuf.</summary>
    public bool IsProgramsOwn(FileIdentity identity)
    {
        lock (_lock)
        {
            return _given.Contains(identity);
        }
    }

    /// <inheritdoc/>
    public bool IsOpen(GuestProcess process, int fd)
    {
        lock (_lock)
        {
            using SafeFileHandle? file = TakeFd(process, fd);
            return file is not null && !HostFile.IsPathOnly(file);
        }
    }

    /// <inheritdoc/>
    public INativeMemfd? Find(GuestProcess process, int fd)
    {
        lock (_lock)
        {
            using SafeFileHandle? file = TakeFd(process, fd);
            if (file is null || Memfd.SealsOf(file) is not { } seals)
            {
                return null;
            }

            _given.Add(HostFile.IdentityOf(file));
            return new ProgramsMemfd(HostFile.Reopen(file, ReadWrite), (FileSeals)seals);
        }
    }

    // Another process has no host process to look into; and only calls of native ones hold what guards the boards (GuestRuns.Gate).
    private SafeFileHandle? TakeFd(GuestProcess process, int fd) =>
        process.IsNative && _boards.Select(b => b.HandleOf(process)).FirstOrDefault(h => h is not null) is { } handle
            ? PidFd.TakeFd(handle, fd)
            : null;

    // Looked at once: a memfd can still grow behind a udmabuf, as it can in the kernel.
    private sealed class ProgramsMemfd(SafeFileHandle file, FileSeals seals) : INativeMemfd
    {
        public ulong Size { get; } = (ulong)RandomAccess.GetLength(file);

        public FileSeals Seals => seals;

        public Result<SafeFileHandle> Open() => HostFile.Reopen(file, ReadWrite);
    }
}
