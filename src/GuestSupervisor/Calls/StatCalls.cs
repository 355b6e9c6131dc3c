using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Processes;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Calls;

/// <summary>stat and its kin, access and its kin, readlink: what the machine says of paths and fds that are the guest's.</summary>
internal sealed class StatCalls(GuestCalls calls)
{
    private const int AtFdCwd = -100;
    private const uint EmptyPath = 0x1000;
    private const uint NoFollow = 0x100;
    private const int StatBytes = 144;
    private const int StatxBytes = 256;
    private const uint StatxBasic = 0x7ff;

    /// <summary>stat, lstat, newfstatat, statx.</summary>
    public void Stat(StoppedCall call)
    {
        bool byFolder = call.Call is SystemCall.Newfstatat or SystemCall.Statx;
        uint flags = call.Call == SystemCall.Newfstatat ? call.UInt(3) : call.Call == SystemCall.Statx ? call.UInt(2) : 0;
        if (byFolder && (flags & EmptyPath) != 0 && call.Int(0) >= 0 && IsEmpty(call, 1))
        {
            Fstat(call, call.Int(0));
            return;
        }

        bool follow = call.Call != SystemCall.Lstat && (flags & NoFollow) == 0;
        Find(call, byFolder, follow, (process, path) => Answer(call, StatOf(process, path)));
    }

    /// <summary>fstat.</summary>
    public void Fstat(StoppedCall call) => Fstat(call, call.Int(0));

    /// <summary>access, faccessat, faccessat2.</summary>
    public void Access(StoppedCall call)
    {
        bool byFolder = call.Call != SystemCall.Access;
        uint mode = call.UInt(byFolder ? 2 : 1);
        Find(call, byFolder, follow: true, (process, path) =>
        {
            Result<FileStat> stat = StatOf(process, path);
            call.End(!stat.Ok ? stat.Failure : Allows(process, stat.Value, mode) ? null : NotAllowed);
        });
    }

    /// <summary>readlink, readlinkat: where <c>/proc/self/fd/N</c> and the links of sysfs lead.</summary>
    public void ReadLink(StoppedCall call)
    {
        int shift = call.Call == SystemCall.Readlinkat ? 1 : 0;
        bool ofFd = shift == 1 && IsEmpty(call, 1);
        string? path = ofFd ? calls.FileAt(call, call.Int(0))?.Folder?.Path
            : calls.PathOf(call, shift == 1 ? call.Int(0) : AtFdCwd, call[shift], follow: false);
        if (path is null || TargetOf(call, path) is not { } target)
        {
            call.Continue();
            return;
        }

        if (!target.Ok)
        {
            // An empty path says that the fd is a link.
            call.Fail(ofFd && target.Failure.Errno == Errno.EINVAL ? Errno.ENOENT : target.Failure.Errno);
            return;
        }

        int room = call.Int(shift + 2);
        ReadOnlySpan<byte> bytes = target.Value.AsSpan(0, Math.Clamp(room, 0, target.Value.Length));
        call.End(room <= 0 ? Errno.EINVAL.AsFailure("readlink", "bufsiz")
            : call.Memory.TryWrite(call[shift + 1], bytes) ? bytes.Length
            : Errno.EFAULT.AsFailure("readlink", "buf"));
    }

    /// <summary>getxattr, listxattr and their kin by path: nobody sets attributes on nodes and the kernel's text files.</summary>
    public void Attribute(StoppedCall call)
    {
        bool list = call.Call is SystemCall.Listxattr or SystemCall.Llistxattr;
        Find(call, byFolder: false, call.Call is SystemCall.Listxattr or SystemCall.Getxattr, (process, path) =>
        {
            Result<FileStat> stat = StatOf(process, path);
            call.End(!stat.Ok ? stat.Failure : list ? null : Errno.ENODATA.AsFailure("getxattr", "name"));
        });
    }

    // Null: neither an fd of the guest's nor a path of it.
    private Result<byte[]>? TargetOf(StoppedCall call, string path)
    {
        if (GuestPath.FdEntry(path) is { Folder: "fd" } entry)
        {
            return calls.FdEntryOf(call, entry) is not { } found ? (Result<byte[]>?)null
                : found.File.Folder is { } folder ? Encoding.Latin1.GetBytes(folder.Path)
                : calls.Guest.Files.ReadLink(found.Process.Machine, entry.Fd);
        }

        if (!GuestPath.IsGuests(path) || calls.Processes.Of(call.Tid) is not { Ok: true } process)
        {
            return null;
        }

        Result<string> target = calls.Guest.Tree.ReadLink(process.Value.Machine, path);
        return target.Ok ? Encoding.Latin1.GetBytes(target.Value) : target.Failure;
    }

    private static Failure NotAllowed { get; } = Errno.EACCES.AsFailure("access", "mode");

    private void Fstat(StoppedCall call, int fd)
    {
        if (calls.Ours(call, fd) is { } ours)
        {
            Answer(call, ours.File.Folder is { } folder
                ? StatOf(ours.Process, folder.Path)
                : calls.Guest.Files.Fstat(ours.Process.Machine, fd));
        }
    }

    // The process and the path in the machine's words, for a path that is the guest's; else the kernel goes on.
    private void Find(StoppedCall call, bool byFolder, bool follow, Action<SupervisedProcess, string> found)
    {
        string? path = calls.PathOf(call, byFolder ? call.Int(0) : AtFdCwd, call[byFolder ? 1 : 0], follow);
        if (path is not null && follow
            && GuestPath.FdEntry(path) is { Folder: "fd" } entry
            && calls.FdEntryOf(call, entry) is { File.Folder: null } ours)
        {
            found(ours.Process, string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{entry.Fd}"));
            return;
        }

        if (path is null || !GuestPath.IsGuests(path) || !call.IsWaiting)
        {
            ContinueOutside(call, path);
            return;
        }

        Result<SupervisedProcess> process = calls.Processes.Of(call.Tid);
        if (process.Ok)
        {
            found(process.Value, path);
        }
        else
        {
            call.Fail(process.Failure.Errno);
        }
    }

    // A path that goes through a folder of the guest and leaves it again by "..": the host does not have that folder.
    private static void ContinueOutside(StoppedCall call, string? path)
    {
        Span<byte> bytes = stackalloc byte[StatBytes];
        bool plain = call.Call is SystemCall.Stat or SystemCall.Lstat or SystemCall.Newfstatat;
        ulong address = call[call.Call == SystemCall.Newfstatat ? 1 : 0];
        if (path is null || !plain || call.Memory.ReadPath(address) is not { } raw || !raw.Contains("..", StringComparison.Ordinal)
            || GuestPath.FdEntry(path) is not null || !HostFile.TryStat(path, bytes))
        {
            call.Continue();
            return;
        }

        ulong buffer = call[call.Call == SystemCall.Newfstatat ? 2 : 1];
        call.End(call.Memory.TryWrite(buffer, bytes) ? null : Errno.EFAULT.AsFailure("stat", "statbuf"));
    }

    // Links that the call follows are followed already.
    private Result<FileStat> StatOf(SupervisedProcess process, string path) => calls.Guest.Tree.Stat(process.Machine, path, follow: false);

    private static bool Allows(SupervisedProcess process, FileStat stat, uint mode)
    {
        const uint execute = 1;
        uint bits = process.Machine.Uid == stat.Uid ? stat.Mode >> 6 : process.Machine.Gid == stat.Gid ? stat.Mode >> 3 : stat.Mode;
        bool root = process.Machine.Uid == 0;
        return root ? (mode & execute) == 0 || (stat.Mode & 0x49) != 0 : (mode & 7 & ~bits) == 0;
    }

    private static bool IsEmpty(StoppedCall call, int index)
    {
        Span<byte> first = stackalloc byte[1];
        return call[index] == 0 || (call.Memory.TryRead(call[index], first) && first[0] == 0);
    }

    private static void Answer(StoppedCall call, Result<FileStat> stat)
    {
        if (!stat.Ok)
        {
            call.Fail(stat.Failure.Errno);
            return;
        }

        bool extended = call.Call == SystemCall.Statx;
        Span<byte> bytes = stackalloc byte[extended ? StatxBytes : StatBytes];
        bytes.Clear();
        if (extended)
        {
            WriteStatx(bytes, stat.Value);
        }
        else
        {
            WriteStat(bytes, stat.Value);
        }

        int target = call.Call switch { SystemCall.Statx => 4, SystemCall.Newfstatat => 2, _ => 1 };
        call.End(call.Memory.TryWrite(call[target], bytes) ? null : Errno.EFAULT.AsFailure("stat", "statbuf"));
    }

    // struct stat of x86-64.
    private static void WriteStat(Span<byte> bytes, FileStat stat)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, stat.Device);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], stat.Inode);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], stat.Links);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[24..], stat.Mode);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[28..], stat.Uid);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[32..], stat.Gid);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[40..], stat.RawDevice);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[48..], stat.Size);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[56..], FileStat.BlockSize);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[64..], stat.Blocks);
    }

    private static void WriteStatx(Span<byte> bytes, FileStat stat)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, StatxBasic);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], FileStat.BlockSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[16..], stat.Links);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[20..], stat.Uid);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[24..], stat.Gid);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[28..], (ushort)stat.Mode);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], stat.Inode);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[40..], stat.Size);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[48..], stat.Blocks);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[128..], Major(stat.RawDevice));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[132..], Minor(stat.RawDevice));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[136..], Major(stat.Device));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[140..], Minor(stat.Device));
    }

    private static uint Major(uint device) => (device >> 8) & 0xfff;

    private static uint Minor(uint device) => (device & 0xff) | ((device >> 12) & 0xfff00);
}
