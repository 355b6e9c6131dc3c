using static CocoGuest.Supervisor.Seccomp.FilterKind;

namespace CocoGuest.Supervisor.Seccomp;

/// <summary>
/// Which system calls the supervisor sees. What is not listed runs natively; the kernel knows that before it runs the filter.
/// </summary>
internal static class FilterRules
{
    /// <summary>Families of ioctls (bits 8 to 15 of the command) of emulated files: dma_heap, dma-buf, DRM, udmabuf, sw_sync, sync file.</summary>
    public static readonly byte[] IoctlFamilies = "HbduW>"u8.ToArray();

    /// <summary>Calls that programs make most, and that cannot be allowed by their number alone: they are decided before all others.</summary>
    public static readonly SystemCall[] Hot = [SystemCall.Read, SystemCall.Write];

    private static readonly FilterRule[] Common =
    [
        new(SystemCall.Open, Always),
        new(SystemCall.Openat, Always),
        new(SystemCall.Openat2, Always),
        new(SystemCall.Creat, Always),
        new(SystemCall.Stat, Always),
        new(SystemCall.Lstat, Always),
        new(SystemCall.Newfstatat, Always),
        new(SystemCall.Statx, Always),
        new(SystemCall.Access, Always),
        new(SystemCall.Faccessat, Always),
        new(SystemCall.Faccessat2, Always),
        new(SystemCall.Readlink, Always),
        new(SystemCall.Readlinkat, Always),
        new(SystemCall.Getxattr, Always),
        new(SystemCall.Lgetxattr, Always),
        new(SystemCall.Listxattr, Always),
        new(SystemCall.Llistxattr, Always),
        new(SystemCall.Execve, Always),
        new(SystemCall.Execveat, Always),
        new(SystemCall.ExitGroup, Always),
        new(SystemCall.Seccomp, OwnListener),
        new(SystemCall.IoUringSetup, Refused),
        new(SystemCall.Ioctl, Ioctl, 0),
        new(SystemCall.Mmap, OurFd, 4),
        new(SystemCall.Read, OurFd, 0),
        new(SystemCall.Write, OurFd, 0),
        new(SystemCall.Pread64, OurFd, 0),
        new(SystemCall.Pwrite64, OurFd, 0),
        new(SystemCall.Readv, OurFd, 0),
        new(SystemCall.Writev, OurFd, 0),
        new(SystemCall.Preadv, OurFd, 0),
        new(SystemCall.Pwritev, OurFd, 0),
        new(SystemCall.Preadv2, OurFd, 0),
        new(SystemCall.Pwritev2, OurFd, 0),
        new(SystemCall.Fstat, OurFd, 0),
        new(SystemCall.Lseek, OurFd, 0),
        new(SystemCall.Dup, OurFd, 0),
        new(SystemCall.Fcntl, OurFd, 0),
        new(SystemCall.Flock, OurFd, 0),
        new(SystemCall.Fsync, OurFd, 0),
        new(SystemCall.Fdatasync, OurFd, 0),
        new(SystemCall.Ftruncate, OurFd, 0),
        new(SystemCall.Fallocate, OurFd, 0),
        new(SystemCall.Fadvise64, OurFd, 0),
        new(SystemCall.Readahead, OurFd, 0),
        new(SystemCall.Getdents, OurFd, 0),
        new(SystemCall.Getdents64, OurFd, 0),
        new(SystemCall.Fchdir, OurFd, 0),
        new(SystemCall.Fchmod, OurFd, 0),
        new(SystemCall.Fchown, OurFd, 0),
        new(SystemCall.Fstatfs, OurFd, 0),
        new(SystemCall.Fgetxattr, OurFd, 0),
        new(SystemCall.Flistxattr, OurFd, 0),
        new(SystemCall.Sendfile, OurFd, 0, 1),
        new(SystemCall.Splice, OurFd, 0, 2),
        new(SystemCall.CopyFileRange, OurFd, 0, 2),
        new(SystemCall.EpollCtl, OurFd, 2),
        new(SystemCall.Close, OurFd, 0),
        new(SystemCall.Dup2, OurFd, 1),
        new(SystemCall.Dup3, OurFd, 1),
        new(SystemCall.CloseRange, Always),
        new(SystemCall.Unshare, UnshareFiles),
    ];

    // What costs other calls something, and is wanted only by who asks for the kernel's every answer.
    private static readonly FilterRule[] StrictOnly =
    [
        new(SystemCall.Mmap, FileMmap, 4),
        new(SystemCall.Poll, Always),
        new(SystemCall.Ppoll, Always),
        new(SystemCall.EpollCtl, Always),
        new(SystemCall.Mremap, Always),
        new(SystemCall.Mprotect, Always),
        new(SystemCall.Madvise, Always),
        new(SystemCall.Msync, Always),
        new(SystemCall.Mincore, Always),
        new(SystemCall.ProcessVmReadv, Always),
        new(SystemCall.ProcessVmWritev, Always),
        new(SystemCall.Vmsplice, Always),
    ];

    /// <summary>The rules, one a call.</summary>
    public static IReadOnlyList<FilterRule> For(bool strict) =>
        !strict ? Common : [.. Common.Where(c => StrictOnly.All(s => s.Call != c.Call)), .. StrictOnly];
}
