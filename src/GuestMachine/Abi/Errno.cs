namespace CocoGuest.Machine.Abi;

/// <summary>Linux errno values as the guest sees them (generic numbering, docs/reference/README.md "Conventions").</summary>
public enum Errno
{
    /// <summary>No error.</summary>
    None = 0,
    /// <summary>Operation not permitted.</summary>
    EPERM = 1,
    /// <summary>No such file, heap, process, device or guest.</summary>
    ENOENT = 2,
    /// <summary>Interrupted.</summary>
    EINTR = 4,
    /// <summary>Input/output error: a DMA mapping or a page conversion failed.</summary>
    EIO = 5,
    /// <summary>No such device or address.</summary>
    ENXIO = 6,
    /// <summary>Not an open fd of this process.</summary>
    EBADF = 9,
    /// <summary>Try again.</summary>
    EAGAIN = 11,
    /// <summary>Out of memory or address space.</summary>
    ENOMEM = 12,
    /// <summary>Access mode or protection forbids it.</summary>
    EACCES = 13,
    /// <summary>Bad address.</summary>
    EFAULT = 14,
    /// <summary>Busy.</summary>
    EBUSY = 16,
    /// <summary>Exists already.</summary>
    EEXIST = 17,
    /// <summary>No such device.</summary>
    ENODEV = 19,
    /// <summary>Not a directory.</summary>
    ENOTDIR = 20,
    /// <summary>Is a directory.</summary>
    EISDIR = 21,
    /// <summary>Invalid argument.</summary>
    EINVAL = 22,
    /// <summary>Too many open files in the system.</summary>
    ENFILE = 23,
    /// <summary>Too many open fds in the process.</summary>
    EMFILE = 24,
    /// <summary>Not a command of this file.</summary>
    ENOTTY = 25,
    /// <summary>No space.</summary>
    ENOSPC = 28,
    /// <summary>Not seekable.</summary>
    ESPIPE = 29,
    /// <summary>Result out of range.</summary>
    ERANGE = 34,
    /// <summary>Not implemented.</summary>
    ENOSYS = 38,
    /// <summary>A symbolic link that must not be followed.</summary>
    ELOOP = 40,
    /// <summary>No data.</summary>
    ENODATA = 61,
    /// <summary>Timer expired.</summary>
    ETIME = 62,
    /// <summary>Value too large.</summary>
    EOVERFLOW = 75,
    /// <summary>A fd of the wrong kind.</summary>
    EBADFD = 77,
    /// <summary>Not supported.</summary>
    EOPNOTSUPP = 95,
    /// <summary>Timed out.</summary>
    ETIMEDOUT = 110,
    /// <summary>Remote side cannot reach it (peer-to-peer).</summary>
    EREMOTEIO = 121,
    /// <summary>The guest was terminated or destroyed (not an errno of Linux's dma-buf paths; used for S-SNP-37).</summary>
    EOWNERDEAD = 130,
}
