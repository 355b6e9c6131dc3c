namespace CocoGuest.Supervisor.Seccomp;

/// <summary>What decides whether a call is stopped.</summary>
internal enum FilterKind
{
    /// <summary>Each one: a path, which a filter cannot read, or something rare.</summary>
    Always,

    /// <summary>An fd in the reserved range.</summary>
    OurFd,

    /// <summary>An fd in the reserved range, or a command of the families that emulated files serve (an fd may have been received at a low number).</summary>
    Ioctl,

    /// <summary>mmap of a file: with --strict of any, since an fd may have been received at a low number.</summary>
    FileMmap,

    /// <summary>A filter of the program's own that wants a supervisor of its own.</summary>
    OwnListener,

    /// <summary>unshare of the fd table.</summary>
    UnshareFiles,

    /// <summary>Refused at once with EPERM, as a kernel with kernel.io_uring_disabled=2 does.</summary>
    Refused,
}
