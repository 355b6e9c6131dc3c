namespace CocoGuest.Machine.Files;

/// <summary>Calls on an fd that never reach a driver's data: one row each in <see cref="FileCalls"/>.</summary>
public enum FileCall
{
    /// <summary>read, of any length.</summary>
    Read,
    /// <summary>readv.</summary>
    Readv,
    /// <summary>write, of any length.</summary>
    Write,
    /// <summary>writev.</summary>
    Writev,
    /// <summary>pread.</summary>
    Pread,
    /// <summary>pwrite.</summary>
    Pwrite,
    /// <summary>fsync.</summary>
    Fsync,
    /// <summary>fdatasync.</summary>
    Fdatasync,
    /// <summary>ftruncate.</summary>
    Ftruncate,
    /// <summary>fallocate.</summary>
    Fallocate,
    /// <summary>posix_fadvise.</summary>
    Fadvise,
    /// <summary>readahead.</summary>
    Readahead,
    /// <summary>getdents.</summary>
    Getdents,
    /// <summary>fchdir.</summary>
    Fchdir,
    /// <summary>flock. Who holds a lock is not modelled: no dma-buf has two open file descriptions.</summary>
    Flock,
    /// <summary>fcntl F_SETLK with F_RDLCK.</summary>
    SetReadLock,
    /// <summary>fcntl F_SETLK with F_WRLCK.</summary>
    SetWriteLock,
    /// <summary>fcntl F_ADD_SEALS.</summary>
    AddSeals,
    /// <summary>fcntl F_GET_SEALS.</summary>
    GetSeals,
    /// <summary>fcntl F_SETLEASE.</summary>
    SetLease,
    /// <summary>fcntl F_GETPIPE_SZ and F_SETPIPE_SZ.</summary>
    PipeSize,
    /// <summary>splice from the file into a pipe.</summary>
    SpliceFrom,
    /// <summary>splice from a pipe into the file.</summary>
    SpliceTo,
    /// <summary>sendfile from the file.</summary>
    SendfileFrom,
    /// <summary>copy_file_range from the file.</summary>
    CopyFileRangeFrom,
    /// <summary>copy_file_range to the file.</summary>
    CopyFileRangeTo,
    /// <summary>fgetxattr of an attribute that nobody set.</summary>
    Fgetxattr,
    /// <summary>flistxattr.</summary>
    Flistxattr,
    /// <summary>epoll_ctl EPOLL_CTL_ADD: EPERM for a file without poll.</summary>
    EpollAdd,
}
