using System.Collections.Frozen;
using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>
/// What the kernel answers on one kind of file to calls that reach no driver's data (S-BUF-14, S-HEAP-05, S-BUF-113, S-GPU-26). Each kind
/// says how it differs from a file without operations of its own.
/// Models: the errno, after the check of the access mode. Does not model: checks of the other arguments (negative lengths, bad pointers),
/// which the VFS makes before it looks at the file, and who holds a lock.
/// </summary>
/// <remarks>
/// Evidence: the answers of dma-bufs and heaps are recorded; the others follow from which operations the kind has and how fs/open.c and
/// fs/read_write.c of 6.12 treat a missing one; cells that are neither are <see cref="FileCallCell.Believed"/>.
/// </remarks>
internal sealed class FileCalls
{
    private readonly FrozenDictionary<FileCall, FileCallCell> _cells;

    private FileCalls(IEnumerable<KeyValuePair<FileCall, FileCallCell>> cells) => _cells = cells.ToFrozenDictionary();

    /// <summary>A pseudo file without file operations of its own for these calls: a dma-buf (recorded, family fileops).</summary>
    public static FileCalls PseudoFile { get; } = new(new Dictionary<FileCall, FileCallCell>
    {
        [FileCall.Read] = FileCallCell.Reads(Errno.EINVAL),
        [FileCall.Readv] = FileCallCell.Reads(Errno.EINVAL),
        [FileCall.Write] = FileCallCell.Writes(Errno.EINVAL),
        [FileCall.Writev] = FileCallCell.Writes(Errno.EINVAL),
        [FileCall.Pread] = FileCallCell.Any(Errno.ESPIPE),
        [FileCall.Pwrite] = FileCallCell.Any(Errno.ESPIPE),
        [FileCall.Fsync] = FileCallCell.Any(Errno.EINVAL),
        [FileCall.Fdatasync] = FileCallCell.Any(Errno.EINVAL),
        [FileCall.Ftruncate] = FileCallCell.Any(Errno.EINVAL),
        [FileCall.Fallocate] = FileCallCell.Writes(Errno.ENODEV),
        [FileCall.Fadvise] = FileCallCell.Any(Errno.None),
        [FileCall.Readahead] = FileCallCell.Reads(Errno.EINVAL),
        [FileCall.Getdents] = FileCallCell.Any(Errno.ENOTDIR),
        [FileCall.Fchdir] = FileCallCell.Any(Errno.ENOTDIR),
        [FileCall.Flock] = FileCallCell.Any(Errno.None),
        [FileCall.SetReadLock] = FileCallCell.Reads(Errno.None),
        [FileCall.SetWriteLock] = FileCallCell.Writes(Errno.None),
        [FileCall.AddSeals] = FileCallCell.Writes(Errno.EINVAL) with { Missing = Errno.EPERM },
        [FileCall.GetSeals] = FileCallCell.Any(Errno.EINVAL),
        [FileCall.SetLease] = FileCallCell.Any(Errno.EINVAL),
        [FileCall.PipeSize] = FileCallCell.Any(Errno.EBADF),
        [FileCall.SpliceFrom] = FileCallCell.Reads(Errno.EINVAL),
        [FileCall.SpliceTo] = FileCallCell.Writes(Errno.EINVAL),
        [FileCall.SendfileFrom] = FileCallCell.Reads(Errno.EINVAL),
        [FileCall.CopyFileRangeFrom] = FileCallCell.Any(Errno.EINVAL),
        [FileCall.CopyFileRangeTo] = FileCallCell.Any(Errno.EINVAL),
        [FileCall.Fgetxattr] = FileCallCell.Any(Errno.ENODATA),
        [FileCall.Flistxattr] = FileCallCell.Any(Errno.None),
        [FileCall.EpollAdd] = FileCallCell.Any(Errno.None),
    });

    /// <summary>As <see cref="PseudoFile"/>; what only dma-bufs were recorded for is believed here.</summary>
    public static FileCalls Believed { get; } = PseudoFile.With(
        (FileCall.Fadvise, FileCallCell.Any(Errno.None) with { Believed = true }),
        (FileCall.Fgetxattr, FileCallCell.Any(Errno.ENODATA) with { Believed = true }),
        (FileCall.Flistxattr, FileCallCell.Any(Errno.None) with { Believed = true }));

    /// <summary>The calls that are answered.</summary>
    public IEnumerable<FileCall> All => _cells.Keys;

    /// <summary>The cell of a call.</summary>
    public FileCallCell this[FileCall call] => _cells[call];

    /// <summary>The same but for some calls.</summary>
    public FileCalls With(params ReadOnlySpan<(FileCall Call, FileCallCell Cell)> other)
    {
        var cells = new Dictionary<FileCall, FileCallCell>(_cells);
        foreach ((FileCall call, FileCallCell cell) in other)
        {
            cells[call] = cell;
        }

        return new FileCalls(cells);
    }

    /// <summary>What a call on a file answers; None: success.</summary>
    public static Errno Answer(GuestFile file, FileCall call)
    {
        FileCallCell cell = file.Calls[call];
        return file is PathFile ? Errno.EBADF : Lacks(file, cell) ? cell.Missing : cell.Errno;
    }

    /// <summary>
    /// True for a call that would wait, for ever or for a signal: it answers EAGAIN only because it must answer something.
    /// </summary>
    public static bool Waits(GuestFile file, FileCall call)
    {
        FileCallCell cell = file.Calls[call];
        return cell.Waits && file is not PathFile && !Lacks(file, cell) && (file.StatusFlags & OpenFlags.NonBlock) == 0;
    }

    private static bool Lacks(GuestFile file, FileCallCell cell) =>
        (cell.Need == AccessNeed.Reading && !file.Readable)
        || (cell.Need == AccessNeed.Writing && !file.Writable);
}
