using System.Text;
using CocoGuest.Linux;
using CocoGuest.Linux.Files;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>
/// The root folder of a program, and what lies below it. Paths are absolute in the program's eyes and have no links: one that has become a
/// link since is not found. Nothing is opened but references to places (O_PATH), so no device, fifo or automount is touched.
/// </summary>
internal sealed unsafe class ProgramRoot : IDisposable
{
    private const int LongestPath = 4096;
    private readonly SafeFileHandle _root;

    private ProgramRoot(SafeFileHandle root) => _root = root;

    /// <summary>The root of a thread; null: it is gone, or may not be looked at.</summary>
    public static ProgramRoot? Of(int tid)
    {
        int fd = Libc.Open(ProcFolder.RootOf(tid), Libc.OPath | Libc.ODirectory | Libc.OCloexec);
        return fd < 0 ? null : new ProgramRoot(new SafeFileHandle(fd, ownsHandle: true));
    }

    /// <summary>What stands at a path; null: nothing, or it cannot be said.</summary>
    /// <param name="path">Absolute, without links before its end; "" is the root.</param>
    /// <param name="cached">Only if the kernel knows without asking the file system, which may take for ever to answer.</param>
    public HostEntry? Look(string path, bool cached)
    {
        using SafeFileHandle? place = Open(path, Libc.OPath | Libc.ONofollow, cached);
        if (place is null)
        {
            return null;
        }

        using var fd = new BorrowedFd(place);
        StatX status;
        const uint wanted = Libc.StatxType | Libc.StatxMode | Libc.StatxUid | Libc.StatxGid;
        if (Libc.Statx(fd.Number, "", Libc.AtEmptyPath | Libc.AtStatxDontSync, wanted, &status) != 0)
        {
            return null;
        }

        bool isLink = HostEntry.IsLink(status.Mode);
        string? link = isLink ? LinkAt(fd.Number) : null;
        return isLink && link is null ? null : HostEntry.Of(status, link, isOfProc: (isLink || path == "/proc") && IsOfProc(place));
    }

    /// <summary>stat of a place as struct stat has it.</summary>
    public bool TryStat(string path, Span<byte> target)
    {
        using SafeFileHandle? place = Open(path, Libc.OPath | Libc.ONofollow, cached: false);
        Stat status;
        return place is not null && Libc.Fstat(place, &status) == 0 && new ReadOnlySpan<byte>(&status, sizeof(Stat)).TryCopyTo(target);
    }

    /// <summary>statx of a place.</summary>
    public bool TryStatx(string path, uint mask, Span<byte> target)
    {
        using SafeFileHandle? place = Open(path, Libc.OPath | Libc.ONofollow, cached: false);
        if (place is null)
        {
            return false;
        }

        using var fd = new BorrowedFd(place);
        StatX status;
        return Libc.Statx(fd.Number, "", Libc.AtEmptyPath, mask, &status) == 0
            && new ReadOnlySpan<byte>(&status, sizeof(StatX)).TryCopyTo(target);
    }

    /// <summary>Opens a folder that everybody may read; null: there is none, or not everybody may.</summary>
    public SafeFileHandle? OpenFolder(string path)
    {
        const uint readAndEnter = 5;
        Stat status;
        SafeFileHandle? file = Open(path, Libc.ODirectory, cached: false);
        if (file is not null && (Libc.Fstat(file, &status) != 0 || (status.Mode & readAndEnter) != readAndEnter))
        {
            file.Dispose();
            return null;
        }

        return file;
    }

    public void Dispose() => _root.Dispose();

    private SafeFileHandle? Open(string path, int flags, bool cached)
    {
        using var root = new BorrowedFd(_root);
        string below = path.Length <= 1 ? "." : path[1..];
        ulong resolve = Libc.ResolveNoSymlinks | Libc.ResolveBeneath | (cached ? Libc.ResolveCached : 0);
        int fd = Libc.Openat2(root.Number, below, flags | Libc.OCloexec, resolve);
        return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }

    private static string? LinkAt(int fd)
    {
        Span<byte> target = stackalloc byte[LongestPath];
        fixed (byte* first = target)
        {
            int length = (int)Libc.Readlinkat(fd, "", first, LongestPath);
            return length > 0 ? Encoding.Latin1.GetString(target[..length]) : null;
        }
    }

    private static bool IsOfProc(SafeFileHandle place)
    {
        StatFs status;
        return Libc.Fstatfs(place, &status) == 0 && status.Type == Libc.ProcSuperMagic;
    }
}
