using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>
/// What the kernel answers to calls that reach no driver's data, call by call and kind by kind (S-BUF-11, S-HEAP-05, S-BUF-113, S-GPU-26).
/// Models: the errno, after the check of the access mode. Does not model: checks of the other arguments (negative lengths, bad pointers), which
/// the VFS makes before it looks at the file, and who holds a lock.
/// </summary>
/// <remarks>
/// Evidence: the columns of dma-bufs and heaps are recorded; the others follow from which operations the kind has and how fs/open.c and
/// fs/read_write.c of 6.12 treat a missing one; cells that are neither say <c>Believed</c>.
/// </remarks>
internal static class FileCallTable
{
    private static readonly FileCallCell Waiting = new(Errno.EAGAIN, AccessNeed.Reading, Waits: true);

    private static readonly FileCallRule[] Rows =
    [
        new(FileCall.Read, Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL), Waiting, Reads(Errno.EINVAL), Reads(Errno.EINVAL)),
        new(FileCall.Readv, Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL), Waiting, Reads(Errno.EINVAL), Reads(Errno.EINVAL)),
        new(FileCall.Write, Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL)),
        new(FileCall.Writev, Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL)),
        new(FileCall.Pread, Any(Errno.ESPIPE), Any(Errno.ESPIPE), Reads(Errno.EINVAL), Waiting, Any(Errno.ESPIPE), Reads(Errno.EINVAL)),
        new(FileCall.Pwrite, Any(Errno.ESPIPE), Any(Errno.ESPIPE), Writes(Errno.EINVAL), Writes(Errno.EINVAL), Any(Errno.ESPIPE), Writes(Errno.EINVAL)),
        new(FileCall.Fsync, Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL)),
        new(FileCall.Fdatasync, Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL)),
        new(FileCall.Ftruncate, Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Believed(Any(Errno.None))),
        new(FileCall.Fallocate, Writes(Errno.ENODEV), Writes(Errno.ENODEV), Writes(Errno.ENODEV), Writes(Errno.ENODEV), Writes(Errno.ENODEV), Writes(Errno.EOPNOTSUPP)),
        new(FileCall.Fadvise, Any(Errno.None), Believed(Any(Errno.None)), Believed(Any(Errno.None)), Believed(Any(Errno.None)), Believed(Any(Errno.None)), Believed(Any(Errno.None))),
        new(FileCall.Readahead, Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL), Believed(Reads(Errno.EINVAL))),
        new(FileCall.Getdents, Any(Errno.ENOTDIR), Any(Errno.ENOTDIR), Any(Errno.ENOTDIR), Any(Errno.ENOTDIR), Any(Errno.ENOTDIR), Any(Errno.ENOTDIR)),
        new(FileCall.Fchdir, Any(Errno.ENOTDIR), Any(Errno.ENOTDIR), Any(Errno.ENOTDIR), Any(Errno.ENOTDIR), Any(Errno.ENOTDIR), Any(Errno.ENOTDIR)),
        new(FileCall.Flock, Any(Errno.None), Any(Errno.None), Any(Errno.None), Any(Errno.None), Any(Errno.None), Any(Errno.None)),
        new(FileCall.SetReadLock, Reads(Errno.None), Reads(Errno.None), Reads(Errno.None), Reads(Errno.None), Reads(Errno.None), Reads(Errno.None)),
        new(FileCall.SetWriteLock, Writes(Errno.None), Writes(Errno.None), Writes(Errno.None), Writes(Errno.None), Writes(Errno.None), Writes(Errno.None)),
        new(FileCall.AddSeals, Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL)),
        new(FileCall.GetSeals, Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL)),
        new(FileCall.SetLease, Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Believed(Any(Errno.EAGAIN))),
        new(FileCall.PipeSize, Any(Errno.EBADF), Any(Errno.EBADF), Any(Errno.EBADF), Any(Errno.EBADF), Any(Errno.EBADF), Any(Errno.EBADF)),
        new(FileCall.SpliceFrom, Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL)),
        new(FileCall.SpliceTo, Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL), Writes(Errno.EINVAL)),
        new(FileCall.SendfileFrom, Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL), Reads(Errno.EINVAL)),
        new(FileCall.CopyFileRangeFrom, Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Believed(Any(Errno.EINVAL))),
        new(FileCall.CopyFileRangeTo, Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Any(Errno.EINVAL), Believed(Any(Errno.EINVAL))),
        new(FileCall.Fgetxattr, Any(Errno.ENODATA), Believed(Any(Errno.ENODATA)), Believed(Any(Errno.ENODATA)), Believed(Any(Errno.ENODATA)), Believed(Any(Errno.ENODATA)), Believed(Any(Errno.EOPNOTSUPP))),
        new(FileCall.Flistxattr, Any(Errno.None), Believed(Any(Errno.None)), Believed(Any(Errno.None)), Believed(Any(Errno.None)), Believed(Any(Errno.None)), Believed(Any(Errno.None))),
        new(FileCall.EpollAdd, Any(Errno.None), Any(Errno.EPERM), Any(Errno.EPERM), Any(Errno.None), Any(Errno.None), Any(Errno.EPERM)),
    ];

    /// <summary>All rows, in the order of <see cref="FileCall"/>.</summary>
    public static IReadOnlyList<FileCallRule> All => Rows;

    /// <summary>What a call on a file answers; None: success.</summary>
    public static Errno Answer(GuestFile file, FileCall call)
    {
        FileCallCell cell = Rows[(int)call][file.Type];
        return Refused(file, cell) ? Errno.EBADF : cell.Errno;
    }

    /// <summary>True for a call that would wait, for ever or for a signal: it answers EAGAIN only because it must answer something.</summary>
    public static bool Waits(GuestFile file, FileCall call)
    {
        FileCallCell cell = Rows[(int)call][file.Type];
        return cell.Waits && !Refused(file, cell) && (file.StatusFlags & OpenFlags.NonBlock) == 0;
    }

    private static bool Refused(GuestFile file, FileCallCell cell) =>
        file.Type == FileKind.PathOnly
        || (cell.Need == AccessNeed.Reading && !file.Readable)
        || (cell.Need == AccessNeed.Writing && !file.Writable);

    private static FileCallCell Any(Errno errno) => new(errno);

    private static FileCallCell Reads(Errno errno) => new(errno, AccessNeed.Reading);

    private static FileCallCell Writes(Errno errno) => new(errno, AccessNeed.Writing);

    private static FileCallCell Believed(FileCallCell cell) => cell with { Believed = true };
}
