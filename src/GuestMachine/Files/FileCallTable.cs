namespace CocoGuest.Machine.Files;

/// <summary>
/// What the kernel answers to calls that neither dma-bufs nor heap nodes implement (S-BUF-11, S-HEAP-05).
/// Models: the errno, after the check of the access mode. Does not model: checks of the other arguments (negative lengths, bad pointers), which
/// the VFS makes before it looks at the file, and who holds a lock.
/// </summary>
internal static class FileCallTable
{
    private static readonly FileCallRule[] Rows =
    [
        new(FileCall.Read, AccessNeed.Reading, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.Readv, AccessNeed.Reading, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.Write, AccessNeed.Writing, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.Writev, AccessNeed.Writing, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.Pread, AccessNeed.Nothing, Errno.ESPIPE, Errno.ESPIPE),
        new(FileCall.Pwrite, AccessNeed.Nothing, Errno.ESPIPE, Errno.ESPIPE),
        new(FileCall.Fsync, AccessNeed.Nothing, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.Fdatasync, AccessNeed.Nothing, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.Ftruncate, AccessNeed.Nothing, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.Fallocate, AccessNeed.Writing, Errno.ENODEV, Errno.ENODEV),
        new(FileCall.Fadvise, AccessNeed.Nothing, Errno.None, Errno.None),
        new(FileCall.Readahead, AccessNeed.Reading, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.Getdents, AccessNeed.Nothing, Errno.ENOTDIR, Errno.ENOTDIR),
        new(FileCall.Fchdir, AccessNeed.Nothing, Errno.ENOTDIR, Errno.ENOTDIR),
        new(FileCall.Flock, AccessNeed.Nothing, Errno.None, Errno.None),
        new(FileCall.SetReadLock, AccessNeed.Reading, Errno.None, Errno.None),
        new(FileCall.SetWriteLock, AccessNeed.Writing, Errno.None, Errno.None),
        new(FileCall.AddSeals, AccessNeed.Nothing, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.GetSeals, AccessNeed.Nothing, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.SetLease, AccessNeed.Nothing, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.PipeSize, AccessNeed.Nothing, Errno.EBADF, Errno.EBADF),
        new(FileCall.SpliceFrom, AccessNeed.Reading, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.SpliceTo, AccessNeed.Writing, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.SendfileFrom, AccessNeed.Reading, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.CopyFileRangeFrom, AccessNeed.Nothing, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.CopyFileRangeTo, AccessNeed.Nothing, Errno.EINVAL, Errno.EINVAL),
        new(FileCall.Fgetxattr, AccessNeed.Nothing, Errno.ENODATA, Errno.ENODATA),
        new(FileCall.Flistxattr, AccessNeed.Nothing, Errno.None, Errno.None),
    ];

    /// <summary>All rows, in the order of <see cref="FileCall"/>.</summary>
    public static IReadOnlyList<FileCallRule> All => Rows;

    /// <summary>What a call on a file answers; None: success.</summary>
    public static Errno Answer(GuestFile file, FileCall call)
    {
        FileCallRule rule = Rows[(int)call];
        bool refused = file.Type == FileKind.PathOnly
            || (rule.Need == AccessNeed.Reading && !file.Readable)
            || (rule.Need == AccessNeed.Writing && !file.Writable);
        return refused ? Errno.EBADF
            : file.Type == FileKind.HeapDevice ? rule.HeapDevice
            : rule.DmaBuf;
    }
}
