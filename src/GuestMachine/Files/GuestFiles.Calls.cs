using System.Globalization;
using System.Text;
using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>Calls on an fd that look at the file but not at its data.</summary>
public sealed partial class GuestFiles
{
    private const int SectorShift = 9;
    private const uint SysFileSystem = 22;
    private const uint ProcFileSystem = 23;

    /// <summary>A call of <see cref="FileCalls"/>: 0, or the errno of its row (S-BUF-14, S-HEAP-05).</summary>
    /// <returns>EBADF for an fd that is not open or has not the access; else the row's errno.</returns>
    public Result<long> Call(GuestProcess process, int fd, FileCall call)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = Find(process, fd, WordFor(call));
        if (!file.Ok)
        {
            return file.Failure;
        }

        Errno errno = FileCalls.Answer(file.Value, call);
        return errno == Errno.None ? 0 : file.Value.Refused(errno, WordFor(call));
    }

    /// <summary>
    /// True if a call of the table would wait, for ever or for a signal, instead of answering: a read of a DRM node without O_NONBLOCK.
    /// </summary>
    public bool Waits(GuestProcess process, int fd, FileCall call)
    {
        using Lock.Scope held = _gate.Hold();
        return process.Fds.Find(fd) is { } file && FileCalls.Waits(file, call);
    }

    /// <summary>What kind of file an fd is. EBADF.</summary>
    public Result<FileKind> KindOf(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = Find(process, fd, "kind");
        return file.Ok ? file.Value.Type : file.Failure;
    }

    /// <summary>lseek: size and 0 are all that a dma-buf tells (S-BUF-10); a heap node cannot seek (S-HEAP-05).</summary>
    /// <returns>The offset; EBADF, EINVAL, ESPIPE.</returns>
    public Result<long> Lseek(GuestProcess process, int fd, long offset, int whence)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = FindOpen(process, fd, "lseek");
        return file.Ok ? file.Value.Seek(offset, whence) : file.Failure;
    }

    /// <summary>fstat (S-BUF-12).</summary>
    public Result<FileStat> Fstat(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = Find(process, fd, "fstat");
        return file.Ok ? StatOf(file.Value) : file.Failure;
    }

    /// <summary>fstatfs (S-BUF-12).</summary>
    public Result<FileSystemStat> Fstatfs(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = Find(process, fd, "fstatfs");
        return file.Ok ? FileSystemStat.Of(file.Value.FileSystem) : file.Failure;
    }

    /// <summary>fchmod: EPERM for who is neither owner nor root (S-BUF-12).</summary>
    public Failure? Fchmod(GuestProcess process, int fd, uint mode)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = FindOpen(process, fd, "fchmod");
        if (!file.Ok)
        {
            return file.Failure;
        }

        InodeAttributes attributes = file.Value.Attributes;
        if (process.Uid != 0 && process.Uid != attributes.Uid)
        {
            return file.Value.Refused(Errno.EPERM, "fchmod");
        }

        attributes.Permissions = mode & InodeAttributes.PermissionBits;
        return null;
    }

    /// <summary>fchown; the value 2^32 − 1 leaves an id as it is. EPERM for others than root (S-BUF-12).</summary>
    public Failure? Fchown(GuestProcess process, int fd, uint uid, uint gid)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = FindOpen(process, fd, "fchown");
        if (!file.Ok)
        {
            return file.Failure;
        }

        if (process.Uid != 0)
        {
            return file.Value.Refused(Errno.EPERM, "fchown");
        }

        InodeAttributes attributes = file.Value.Attributes;
        attributes.Uid = uid == uint.MaxValue ? attributes.Uid : uid;
        attributes.Gid = gid == uint.MaxValue ? attributes.Gid : gid;
        return null;
    }

    /// <summary>readlink of <c>/proc/self/fd/N</c>, as bytes (S-BUF-02).</summary>
    public Result<byte[]> ReadLink(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = Find(process, fd, "readlink");
        return file.Ok ? Encoding.Latin1.GetBytes(file.Value.LinkTarget) : file.Failure;
    }

    /// <summary>The whole text of <c>/proc/self/fdinfo/N</c>, as bytes (S-BUF-105).</summary>
    public Result<byte[]> FdInfo(GuestProcess process, int fd)
    {
        _core.Hooks.RefreshNatives?.Invoke();
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> found = Find(process, fd, "read fdinfo");
        if (!found.Ok)
        {
            return found.Failure;
        }

        GuestFile file = found.Value;
        uint flags = file.Flags | (process.Fds.IsCloseOnExec(fd) ? OpenFlags.CloseOnExec : 0) | (file is PathFile ? OpenFlags.PathOnly : 0);
        string text = string.Create(CultureInfo.InvariantCulture,
            $"pos:\t{file.Position}\nflags:\t0{Convert.ToString(flags, 8)}\nmnt_id:\t{DeviceOf(file)}\nino:\t{file.Inode}\n");
        return Encoding.Latin1.GetBytes(text + file.FdInfoLines);
    }

    internal static FileStat StatOf(GuestFile file)
    {
        InodeAttributes inode = file.Attributes;
        return new FileStat(file.Inode, DeviceOf(file), inode.Type | inode.Permissions, 1, inode.Uid, inode.Gid,
            file.RawDevice, file.FileSize, file.FileSize >> SectorShift);
    }

    /// <summary>Number of the file system that a path of the guest is on.</summary>
    internal static uint DeviceOf(string path) =>
        path.StartsWith("/dev/", StringComparison.Ordinal) ? FileSystem.Nodes.Device
        : path.StartsWith("/sys/kernel/debug/", StringComparison.Ordinal) ? FileSystem.Debug.Device
        : path.StartsWith("/proc/", StringComparison.Ordinal) ? ProcFileSystem
        : SysFileSystem;

    private static uint DeviceOf(GuestFile file) => file.FileSystem.Device;

    // Most calls refuse an O_PATH fd as if it were not open.
    private Result<GuestFile> FindOpen(GuestProcess process, int fd, string operation)
    {
        Result<GuestFile> file = Find(process, fd, operation);
        return file.Ok && file.Value is PathFile ? BadFd(operation, fd) : file;
    }

    private static string WordFor(FileCall call) => call.ToString().ToLowerInvariant();
}
