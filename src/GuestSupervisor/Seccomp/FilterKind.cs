namespace CocoGuest.Supervisor.Seccomp;

/// <summary>What decides whether a call is stopped.</summary>
internal enum FilterKind
{
    /// <summary>Each one: a path, which a filter cannot read, or something rare.</summary>
    Always,

    /// <summary>An fd in the reserved range.</summary>
    OurFd,

    /// <summary>
    /// An fd in the reserved range, or a command of the families that emulated files serve (an fd may have been received at a low
    /// number).
    /// </summary>
    Ioctl,

    /// <summary>mmap of any file (--strict): an emulated file may have come at a number below the reserved range.</summary>
    FileMmap,

    /// <summary>madvise that takes pages away from whoever else has them: MADV_REMOVE, MADV_HWPOISON, MADV_SOFT_OFFLINE.</summary>
    TakingAdvice,

    /// <summary>seccomp calls that install a filter with a notification listener of the program's own.</summary>
    OwnListener,

    /// <summary>Refused at once with EPERM, as a kernel with kernel.io_uring_disabled=2 does.</summary>
    Refused,
}
