using static CocoGuest.Supervisor.Seccomp.Fidelity;
using static CocoGuest.Supervisor.Seccomp.FilterKind;
using static CocoGuest.Supervisor.Seccomp.SystemCall;

namespace CocoGuest.Supervisor.Seccomp;

/// <summary>
/// The system calls that the supervisor knows: when the filter stops them, and how exact the answers are. The filter is compiled from
/// it and the table in docs/run.md is written from it, so a call cannot be added without saying what a user may rely on.
/// </summary>
internal static class CallTable
{
    /// <summary>All groups, each call in one.</summary>
    public static IReadOnlyList<CallGroup> All { get; } =
        [.. Paths(), .. Folders(), .. Mappings(), .. ByNumber(), .. Numbers(), .. Waiting(), .. Rest()];

    private static IEnumerable<CallGroup> Paths() =>
    [
        new CallGroup
        {
            Rules = Each(Always, Open, Openat, Openat2, Creat),
            Notes =
            [
                new(
                    Exact,
                    "of nodes, folders, text files",
                    "relative to the current or an open folder, through `.` and `..`, O_PATH, O_CREAT, O_EXCL, O_DIRECTORY, "
                        + "missing names"),
                new(
                    Exact,
                    "through the symbolic links of the guest's sysfs",
                    "followed one by one; O_NOFOLLOW, O_PATH and `..` behind a link as in the kernel"),
                new(Differs, "through such a link that leads to the host (`/sys/bus/platform`)", "ENOENT", CallNote.Read),
                new(
                    Differs,
                    "through a symbolic link of the host into a guest's folder, or after chroot",
                    "a link leads to the host's file: ENOENT. After chroot the guest's folders are in the new root, where no link or "
                        + "file of it stands in their place"),
                new(
                    Differs,
                    "with RESOLVE_* of openat2",
                    "those that the kernel knows are not looked at for a guest's path; what it does not know, sizes and modes are exact"),
                new(Exact, "of a file's path that ends in `/` or `/.`, or goes on behind it", "ENOTDIR; with O_CREAT and `/` EISDIR"),
                new(
                    Exact,
                    "of `/proc/PID/fdinfo/N`, bufinfo, swiotlb's debugfs, sysfs, trace_pipe",
                    "text as at the open; a reader of trace_pipe that does not read loses new lines, not old ones"),
                new(
                    Differs,
                    "of `/proc/PID/maps`, smaps",
                    "`/memfd:cocoguest (deleted)` in place of `/dmabuf:NAME`; other inode and residence"),
            ],
        },
        new CallGroup
        {
            Rules = Each(
                Always, Stat, Lstat, Newfstatat, Statx, Access, Faccessat, Faccessat2, Getxattr, Lgetxattr, Listxattr, Llistxattr),
            Notes =
            [
                new(
                    Exact,
                    "",
                    "statx: the basic fields. newfstatat and statx with an empty path: on a number outside the reserved range, "
                        + "too"),
                new(
                    Exact,
                    "of the host's paths",
                    "the host's kernel answers, in the program's root and with its rights. Only a folder such as `/dev`, reached by "
                        + "`..` from a folder of the guest's that the host may lack, is looked at for the program"),
            ],
        },
        new CallGroup
        {
            Rules = Each(Always, Readlink, Readlinkat),
            Notes =
            [
                new(
                    Exact,
                    "of `/proc/PID/fd/N`, of a guest's link by path or by O_PATH fd",
                    "`/dmabuf:NAME`, `anon_inode:sync_file`"),
            ],
        },
        new CallGroup
        {
            Rules = Each(Always, Mkdir, Mkdirat, Mknod, Mknodat, Symlink, Symlinkat),
            Notes =
            [
                new(Exact, "of a guest's path that is there", "EEXIST"),
                new(Differs, "of a guest's path that is not there", "EPERM also below `/dev`, where root could make something"),
            ],
        },
        new CallGroup
        {
            Native =
            [
                "link", "linkat", "statfs", "chmod", "chown", "utimensat", "truncate", "unlink", "rename", "inotify_add_watch",
                "name_to_handle_at", "chdir",
            ],
            Notes = [new(Differs, "of a guest's path", "not seen by the supervisor: ENOENT of the host")],
        },
    ];

    private static IEnumerable<CallGroup> Folders() =>
    [
        new CallGroup
        {
            Rules = OnFd(0, Fchdir),
            Notes = [new(Differs, "into a guest's folder", "EACCES", CallNote.Read)],
        },
        new CallGroup
        {
            Rules = OnFd(0, Getdents64),
            Notes =
            [
                new(Exact, "of a guest's folder; of `/proc/self/fd`", "the entries as they were at the open"),
                new(
                    Exact,
                    "of `/dev`, `/sys/class`, `/sys/bus` and other parents that everybody may read",
                    "the host's entries with the guest's names in front, each once. A buffer below some 400 bytes, or an fd "
                        + "that did not come from opening the folder by its name to read it: the host's alone"),
                new(Differs, "of `/sys/kernel` and of what only root may read", "the host's", CallNote.Read),
            ],
        },
        new CallGroup
        {
            Rules = OnFd(0, Getdents),
            Notes = [new(Differs, "of a guest's folder", "EBADF; libraries call getdents64", CallNote.Read)],
        },
        new CallGroup
        {
            Rules = OnFd(0, Fstatfs),
            Notes = [new(Exact, "", "of a guest's folder by mount: tmpfs, sysfs, debugfs, tracefs; of other files by number")],
        },
        new CallGroup
        {
            Rules = OnFd(0, Fstat),
            Notes = [new(Exact, "", "by number; libraries that make it a newfstatat with an empty path (glibc since 2.33) on any")],
        },
    ];

    private static IEnumerable<CallGroup> Mappings() =>
    [
        new CallGroup
        {
            Rules = [new FilterRule(Mmap, OurFd, 4)],
            StrictRules = [new FilterRule(Mmap, FileMmap, 4)],
            Notes =
            [
                new(
                    Exact,
                    "",
                    "protection, offset and length are checked, also of O_RDONLY buffers; on a number outside the reserved "
                        + "range strict"),
                new(
                    Exact,
                    "of a DRM node; of a udmabuf of several ranges, of one that begins inside its memfd, of the second of a "
                        + "memfd",
                    "no one file of the host shows this memory: the program's own thread is made to map the pieces, by ptrace. "
                        + "A thread that is traced already (a debugger inside `coco run`) cannot. A udmabuf that is its memfd's "
                        + "first pages lives until the last mapping of that memfd's pages through any udmabuf is gone",
                    "udmabuf seen; DRM and the debugger read"),
                new(
                    Differs,
                    "of a DRM node whose last fd is closed then",
                    "the mapping shows the pages, but does not keep the node and its objects alive",
                    CallNote.Read),
            ],
        },
        new CallGroup { Native = ["munmap"], Notes = [new(Exact, "", "the host's kernel unmaps the memfd")] },
        new CallGroup
        {
            StrictRules = Each(Always, Mremap),
            Notes = [new(Strict, "", "without: a mapping can grow past the buffer, and a touch behind its end is SIGBUS")],
        },
        new CallGroup
        {
            StrictRules = Each(Always, Mprotect),
            Notes = [new(Strict, "", "of an O_RDONLY buffer exact; PROT_EXEC strict")],
        },
        new CallGroup
        {
            Rules = Each(TakingAdvice, Madvise),
            StrictRules = Each(Always, Madvise, Msync, Mincore),
            Notes =
            [
                new(Strict, "", "guard pages and MADV_COLLAPSE too"),
                new(Exact, "with MADV_REMOVE, MADV_HWPOISON, MADV_SOFT_OFFLINE", "refused as in the kernel; the bytes stay"),
            ],
        },
        new CallGroup
        {
            Native = ["mlock", "munlock", "move_pages", "userfaultfd", "mbind"],
            Notes = [new(Differs, "", "a memfd's", "mlock seen")],
        },
        new CallGroup
        {
            StrictRules = Each(Always, ProcessVmReadv, ProcessVmWritev, Vmsplice),
            Notes = [new(Strict, "of a mapping", "EFAULT, since its pages cannot be pinned; else they work")],
        },
    ];

    // Calls on a file by its number. A file that came by dup2 or in a message may have a number below the reserved range.
    private static IEnumerable<CallGroup> ByNumber() =>
    [
        new CallGroup
        {
            Rules = [new FilterRule(SystemCall.Ioctl, FilterKind.Ioctl, 0)],
            Notes =
            [
                new(
                    Exact,
                    "of heap, dma-buf, sync file, udmabuf and DRM node; unknown commands, FIONBIO, TCGETS",
                    "on every number, also one that came by dup2 or in a message. A command outside the families (FIONBIO) on "
                        + "a low number: the host's",
                    "seen; DRM read"),
            ],
        },
        new CallGroup
        {
            Rules = OnFd(0, SystemCall.Read, Write, Pread64, Pwrite64, Readv, Writev, Preadv, Pwritev, Preadv2, Pwritev2),
            Notes =
            [
                new(Exact, "", "by number: see dup2"),
                new(Exact, "to a pipe from a mapping, into one from a pipe", "the host's kernel copies"),
                new(
                    Strict,
                    "with a mapping as memory, of a file opened with O_DIRECT",
                    "EFAULT, tmpfs excepted, whose O_DIRECT copies. A file opened with O_DIRECT gets a number of the reserved "
                        + "range, by ptrace, so not in a thread that is traced already. Not seen, and so working: O_DIRECT switched "
                        + "on by fcntl, files that came by exec or dup2 at low numbers, or in a message. A transfer of which only a "
                        + "part lies in a mapping fails as a whole"),
                new(Strict, "of `/proc/PID/mem` at a mapping", "EIO, in the same way"),
            ],
        },
        new CallGroup
        {
            Rules =
            [
                .. OnFd(0, Lseek, Ftruncate, Fallocate, Fsync, Fdatasync, Fadvise64, Flock, Fchmod, Fchown, Fgetxattr, Flistxattr),
                new FilterRule(Sendfile, OurFd, 0, 1), new FilterRule(Splice, OurFd, 0, 2), new FilterRule(CopyFileRange, OurFd, 0, 2),
            ],
            Notes =
            [
                new(Exact, "", "by number: see dup2"),
                new(Differs, "of a guest's folder, but for lseek", "EBADF; fchmod and fchown EPERM", CallNote.Read),
            ],
        },
        new CallGroup { Rules = OnFd(0, Readahead), Notes = [new(Exact, "", "EINVAL")] },
        new CallGroup
        {
            Native = ["sync_file_range", "syncfs", "futimens", "fsetxattr", "tee"],
            Notes = [new(Differs, "", "a memfd's", "seen; tee read")],
        },
        new CallGroup
        {
            Rules = OnFd(0, Fcntl),
            Notes =
            [
                new(
                    Exact,
                    "F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD(_CLOEXEC), F_GETOWN, F_SETOWN, F_GETSIG, F_SETSIG, F_GETLK, "
                        + "F_SETLK, F_GETLEASE, seals, pipe sizes",
                    "F_DUPFD: never below the reserved range"),
                new(Differs, "F_OFD_*LK, F_NOTIFY, F_*_RW_HINT, F_SETLEASE", "EINVAL"),
            ],
        },
    ];

    private static IEnumerable<CallGroup> Numbers() =>
    [
        new CallGroup
        {
            Rules = OnFd(0, Dup),
            Notes = [new(Differs, "", "exact but for the number, as F_DUPFD: the lowest free one of the reserved range")],
        },
        // Never stopped: a signal that came before the supervisor has the call would end it, and close would have closed nothing.
        new CallGroup
        {
            Native = ["dup2", "dup3"],
            Notes =
            [
                new(
                    Exact,
                    "to a number of the reserved range",
                    "onto one that the guest hands out next: that fd is replaced",
                    "seen; the replacement read"),
                new(
                    Differs,
                    "to a lower number",
                    "ioctls, mappings and their counts are right; read, write, lseek, ftruncate, F_GETFL, F_GET_SEALS are "
                        + "those of the memfd. So read and write move bytes of the buffer instead of EINVAL"),
            ],
        },
        new CallGroup
        {
            Native = ["SCM_RIGHTS", "pidfd_getfd"],
            Notes = [new(Differs, "", "files arrive at the lowest free number: as after dup2")],
        },
        new CallGroup
        {
            Native = ["close", "close_range"],
            Notes =
            [
                new(
                    Exact,
                    "",
                    "the host's kernel counts; RLIMIT_NOFILE of the program is raised to 4096 where it is lower and may be"),
            ],
        },
        new CallGroup
        {
            // What a process still has is only to be seen before it is gone.
            ReportRules = Each(Always, ExitGroup),
            Native = ["execve", "execveat", "unshare", "fork", "vfork", "clone", "exit"],
            Notes = [new(Exact, "", "children, threads and FD_CLOEXEC; a program of another architecture is ended (below)")],
        },
    ];

    private static IEnumerable<CallGroup> Waiting() =>
    [
        new CallGroup
        {
            StrictRules = Each(Always, Poll, Ppoll),
            Notes =
            [
                new(
                    Strict,
                    "of a dma-buf",
                    "matters with fences that have not signalled; without such a buffer is ready in both. The signal mask of "
                        + "ppoll does not hold while the supervisor waits for it",
                    "without fences seen; rest read"),
                new(Exact, "of a sync file", "the pipe that stands for it is ready when its fences have signalled"),
            ],
        },
        new CallGroup
        {
            Native = ["select", "pselect6"],
            Notes =
            [
                new(Differs, "of a dma-buf", "always ready"),
                new(Exact, "of a sync file", "as by poll"),
            ],
        },
        new CallGroup
        {
            Rules = OnFd(2, EpollCtl),
            StrictRules = Each(Always, EpollCtl),
            Notes =
            [
                new(
                    Exact,
                    "of a dma-buf or DRM node",
                    "ready as the fences say; level, edge, one shot, nested sets, fork. On a number outside the reserved range "
                        + "strict, else EPERM. One number in several sets: all edge-triggered or none. An edge that another poll of "
                        + "the buffer causes is missing; one that was due when a new fence came is told all the same. A look by "
                        + "epoll_wait itself does not keep a closed buffer until its fence signals. `/proc/PID/fdinfo` of the set "
                        + "shows other numbers",
                    "seen; DRM nodes and nested sets read"),
                new(Exact, "of a heap node, `/dev/udmabuf`, sw_sync", "EPERM: they have no poll"),
                new(Exact, "of a sync file", "as by poll"),
            ],
        },
    ];

    private static IEnumerable<CallGroup> Rest() =>
    [
        new CallGroup
        {
            Rules = Each(Refused, IoUringSetup),
            Notes = [new(Differs, "", "EPERM, as with kernel.io_uring_disabled=2")],
        },
        new CallGroup
        {
            Rules = Each(OwnListener, SystemCall.Seccomp),
            Notes = [new(Differs, "for a filter with a listener of its own", "EBUSY, and a sentence on stderr (below)")],
        },
    ];

    private static FilterRule[] Each(FilterKind kind, params SystemCall[] calls) => [.. calls.Select(call => new FilterRule(call, kind))];

    private static FilterRule[] OnFd(int argument, params SystemCall[] calls) =>
        [.. calls.Select(call => new FilterRule(call, OurFd, argument))];
}
