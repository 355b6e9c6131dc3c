using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Tree;
using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Processes;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Calls;

/// <summary>stat and its kin, access and its kin, readlink: what the machine says of paths and fds that are the guest's.</summary>
internal sealed class StatCalls(HandlerContext context)
{
    private const int AtFdCwd = -100;
    private const uint EmptyPath = 0x1000;
    private const uint NoFollow = 0x100;
    private const int StatBytes = 144;
    private const int StatxBytes = 256;
    private const uint StatxBasic = 0x7ff;

    /// <summary>Finds out, without the lock, where the path of a stat leads.</summary>
    /// <returns>False: not the guest's; the call was ended.</returns>
    public bool PrepareStat(StoppedCall call)
    {
        bool byFolder = call.Call is SystemCall.Newfstatat or SystemCall.Statx;
        uint flags = call.Call == SystemCall.Newfstatat ? call.UInt(3) : call.Call == SystemCall.Statx ? call.UInt(2) : 0;
        return byFolder && (flags & EmptyPath) != 0 && call.Int(0) >= 0 && IsEmpty(call, 1)
            ? GoesOn(call, context.FileAt(call, call.Int(0)) is not null)
            : Prepare(call, byFolder, call.Call != SystemCall.Lstat && (flags & NoFollow) == 0);
    }

    /// <summary>The same of access and its kin.</summary>
    public bool PrepareAccess(StoppedCall call) => Prepare(call, call.Call != SystemCall.Access, follow: true);

    /// <summary>The same of getxattr and its kin.</summary>
    public bool PrepareAttribute(StoppedCall call) =>
        Prepare(call, byFolder: false, call.Call is SystemCall.Listxattr or SystemCall.Getxattr);

    /// <summary>The same of readlink.</summary>
    public bool PrepareLink(StoppedCall call)
    {
        int shift = call.Call == SystemCall.Readlinkat ? 1 : 0;
        call.Place = shift == 1 && IsEmpty(call, 1)
            ? context.FileAt(call, call.Int(0))?.Folder is { } folder ? PlaceOf(folder) : null
            : context.PlaceOf(call, shift == 1 ? call.Int(0) : AtFdCwd, shift, follow: false);
        return GoesOn(call, call.Place is not null);
    }

    /// <summary>stat, lstat, newfstatat, statx.</summary>
    public void Stat(StoppedCall call)
    {
        if (call.Place is null)
        {
            Fstat(call, call.Int(0));
            return;
        }

        Find(call, (process, place) => Answer(call, StatOf(process, place)));
    }

    /// <summary>fstat.</summary>
    public void Fstat(StoppedCall call) => Fstat(call, call.Int(0));

    /// <summary>access, faccessat, faccessat2.</summary>
    public void Access(StoppedCall call)
    {
        uint mode = call.UInt(call.Call == SystemCall.Access ? 1 : 2);
        Find(call, (process, place) =>
        {
            Result<FileStat> stat = StatOf(process, place);
            call.End(!stat.Ok ? stat.Failure : Allows(process, stat.Value, mode) ? null : NotAllowed);
        });
    }

    /// <summary>readlink, readlinkat: where <c>/proc/self/fd/N</c> and the links of sysfs lead.</summary>
    public void ReadLink(StoppedCall call)
    {
        int shift = call.Call == SystemCall.Readlinkat ? 1 : 0;
        if (TargetOf(call, call.Place!.Tree) is not { } target)
        {
            call.Continue();
            return;
        }

        if (!target.Ok)
        {
            // An empty path says that the fd is a link.
            bool ofFd = shift == 1 && IsEmpty(call, 1);
            call.Fail(ofFd && target.Failure.Errno == Errno.EINVAL ? Errno.ENOENT : target.Failure.Errno);
            return;
        }

        int room = call.Int(shift + 2);
        if (room <= 0)
        {
            call.Fail(Errno.EINVAL);
            return;
        }

        ReadOnlySpan<byte> bytes = target.Value.AsSpan(0, Math.Min(room, target.Value.Length));
        call.EndWith(call[shift + 1], bytes, bytes.Length);
    }

    /// <summary>getxattr, listxattr and their kin by path: nobody sets attributes on nodes and the kernel's text files.</summary>
    public void Attribute(StoppedCall call)
    {
        bool list = call.Call is SystemCall.Listxattr or SystemCall.Llistxattr;
        Find(call, (process, place) =>
        {
            Result<FileStat> stat = StatOf(process, place);
            call.End(!stat.Ok ? stat.Failure : list ? null : Errno.ENODATA.AsFailure("getxattr", "name"));
        });
    }

    // Null: neither an fd of the guest's nor a path of it.
    private Result<byte[]>? TargetOf(StoppedCall call, TreePlace place)
    {
        if (GuestPath.FdEntry(place.Path) is { Folder: "fd" } entry)
        {
            return context.FdEntryOf(call, entry) is not { } found ? (Result<byte[]>?)null
                : place.WantsFolder && found.File.Folder is null ? Errno.ENOTDIR.AsFailure("readlink", "path")
                : found.File.Folder is { } folder ? Encoding.Latin1.GetBytes(folder.Path)
                : context.Guest.Files.ReadLink(found.Process.Machine, entry.Fd);
        }

        if (!GuestPath.IsGuests(place.Path) || context.Processes.Of(call.Tid) is not { Ok: true } process)
        {
            return null;
        }

        Result<string> target = context.Guest.Tree.ReadLink(process.Value.Machine, place);
        return target.Ok ? Encoding.Latin1.GetBytes(target.Value) : target.Failure;
    }

    private static Failure NotAllowed { get; } = Errno.EACCES.AsFailure("access", "mode");

    private void Fstat(StoppedCall call, int fd)
    {
        if (context.Ours(call, fd) is { } ours)
        {
            Answer(call, ours.File.Folder is { } folder
                ? StatOf(ours.Process, context.Guest.Tree.Resolve(folder.Path, follow: false))
                : context.Guest.Files.Fstat(ours.Process.Machine, fd));
        }
    }

    private CallPlace PlaceOf(FolderListing folder) => new(context.Guest.Tree.Resolve(folder.Path, follow: false), true, true);

    private static bool GoesOn(StoppedCall call, bool isOurs)
    {
        if (!isOurs)
        {
            call.Continue();
        }

        return isOurs;
    }

    private bool Prepare(StoppedCall call, bool byFolder, bool follow)
    {
        call.Place = context.PlaceOf(call, byFolder ? call.Int(0) : AtFdCwd, byFolder ? 1 : 0, follow);
        bool isFd = follow && call.Place is { } place && GuestPath.FdEntry(place.Path) is { Folder: "fd" };
        if (isFd || (call.Place is { } own && GuestPath.IsGuests(own.Path) && call.IsWaiting))
        {
            return true;
        }

        ContinueOutside(call, call.Place);
        return false;
    }

    // The process and the place in the machine's words, for a path that is the guest's; else the kernel goes on.
    private void Find(StoppedCall call, Action<SupervisedProcess, TreePlace> found)
    {
        CallPlace place = call.Place!;
        if (GuestPath.FdEntry(place.Path) is { } entry)
        {
            if (context.FdEntryOf(call, entry) is { File.Folder: null } ours)
            {
                found(ours.Process, context.Guest.Tree.Resolve(
                    string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{entry.Fd}{place.End}")));
            }
            else
            {
                call.Continue();
            }

            return;
        }

        Result<SupervisedProcess> process = context.Processes.Of(call.Tid);
        if (process.Ok)
        {
            found(process.Value, place.Tree);
        }
        else
        {
            call.Fail(process.Failure.Errno);
        }
    }

    // The one place of the host that is answered for here: the folder in which one reaches, by "..", coming from a folder of the guest's
    // that the host does not have. All others the kernel finds itself.
    private static void ContinueOutside(StoppedCall call, CallPlace? place)
    {
        if (place is not { LeftGuest: true } || !GuestPath.IsAbove(place.Path) || !call.IsWaiting)
        {
            call.Continue();
            return;
        }

        switch (call.Call)
        {
            case SystemCall.Access or SystemCall.Faccessat or SystemCall.Faccessat2:
                AccessOfHost(call, place.Path);
                break;

            // Such folders have no attributes but a security module's label, which is not told.
            case SystemCall.Listxattr or SystemCall.Llistxattr:
                call.End(failure: null);
                break;
            case SystemCall.Getxattr or SystemCall.Lgetxattr:
                call.Fail(Errno.ENODATA);
                break;
            default:
                StatOutside(call, place.Path);
                break;
        }
    }

    private static void AccessOfHost(StoppedCall call, string path)
    {
        using var root = ProgramRoot.Of(call.Tid);
        if (root?.Look(path, cached: false) is not { } entry)
        {
            call.Continue();
            return;
        }

        uint mode = call.UInt(call.Call == SystemCall.Access ? 1 : 2);
        call.End(new CallerRights(call.Tid).May(entry, mode) ? null : NotAllowed);
    }

    private static void StatOutside(StoppedCall call, string path)
    {
        bool byFolder = call.Call is SystemCall.Newfstatat or SystemCall.Statx;
        bool stat = byFolder || call.Call is SystemCall.Stat or SystemCall.Lstat;
        Span<byte> bytes = stackalloc byte[call.Call == SystemCall.Statx ? StatxBytes : StatBytes];
        if (!stat || !StatOfHost(call, path, bytes))
        {
            call.Continue();
            return;
        }

        call.End(call.Memory.TryWrite(call[TargetOf(call)], bytes) ? null : Errno.EFAULT.AsFailure("stat", "statbuf"));
    }

    private static bool StatOfHost(StoppedCall call, string path, Span<byte> bytes)
    {
        using var root = ProgramRoot.Of(call.Tid);
        return root is not null && (call.Call == SystemCall.Statx ? root.TryStatx(path, call.UInt(3), bytes) : root.TryStat(path, bytes));
    }

    private static int TargetOf(StoppedCall call) => call.Call switch { SystemCall.Statx => 4, SystemCall.Newfstatat => 2, _ => 1 };

    // Links that the call follows are followed already.
    private Result<FileStat> StatOf(SupervisedProcess process, TreePlace place) => context.Guest.Tree.Stat(process.Machine, place);

    private static bool Allows(SupervisedProcess process, FileStat stat, uint mode)
    {
        const uint execute = 1;
        uint bits = process.Machine.Uid == stat.Uid ? stat.Mode >> 6 : process.Machine.Gid == stat.Gid ? stat.Mode >> 3 : stat.Mode;
        bool root = process.Machine.Uid == 0;
        return root ? (mode & execute) == 0 || (stat.Mode & 0x49) != 0 : (mode & 7 & ~bits) == 0;
    }

    private static bool IsEmpty(StoppedCall call, int index) => call[index] == 0 || call.PathAt(index) is "";

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

        call.EndWith(call[TargetOf(call)], bytes);
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
