using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using System.Text;

namespace CocoGuest.Linux;

// fcntl.h, unistd.h, sys/stat.h, sys/statfs.h, sys/file.h, sys/ioctl.h
internal static unsafe partial class Libc
{
    public const int ORdonly = 0;
    public const int ORdwr = 2;
    public const int ONonblock = 0x800;
    public const int ODirectory = 0x10000;
    public const int OCloexec = 0x80000;
    public const int ONofollow = 0x20000;
    public const int OPath = 0x200000;
    public const int AtFdcwd = -100;
    public const int AtSymlinkNofollow = 0x100;
    public const int AtEmptyPath = 0x1000;
    public const int AtStatxDontSync = 0x4000;
    public const ulong ResolveNoSymlinks = 4;
    public const ulong ResolveBeneath = 8;
    public const ulong ResolveCached = 0x20;
    public const ulong ProcSuperMagic = 0x9fa0;
    public const int FSetfd = 2;
    public const int FGetfl = 3;
    public const int FSetfl = 4;
    public const int FDupfdCloexec = 1030;
    public const int FAddSeals = 1033;
    public const int FGetSeals = 1034;
    public const int FallocFlKeepSize = 1;
    public const int FallocFlPunchHole = 2;
    public const int LockEx = 2;
    public const int LockNb = 4;
    public const int SeekCur = 1;
    public const int SeekData = 3;
    public const int SeekHole = 4;
    public const uint StatxType = 1;
    public const uint StatxMode = 2;
    public const uint StatxUid = 8;
    public const uint StatxGid = 0x10;
    public const uint StatxIno = 0x100;
    public const nint SysGetdents64 = 217; // x86-64
    public const nint SysOpenat2 = 437;

    /// <summary>open without O_CREAT; a path as C has it.</summary>
    [LibraryImport(Library, EntryPoint = "open", SetLastError = true)]
    public static partial int Open(byte* path, int flags);

    /// <summary>open without O_CREAT.</summary>
    public static int Open(string path, int flags)
    {
        byte* bytes = Utf8StringMarshaller.ConvertToUnmanaged(path);
        try
        {
            return Open(bytes, flags);
        }
        finally
        {
            Utf8StringMarshaller.Free(bytes);
        }
    }

    /// <summary>openat2 without O_CREAT: glibc has no function of this name. A path is bytes, one for each character.</summary>
    public static int Openat2(int folder, string path, int flags, ulong resolve)
    {
        byte[] bytes = new byte[path.Length + 1];
        Encoding.Latin1.GetBytes(path, bytes);
        var how = new OpenHow { Flags = (ulong)flags, Resolve = resolve };
        fixed (byte* first = bytes)
        {
            return (int)Syscall(SysOpenat2, folder, (nint)first, (nint)(&how), sizeof(OpenHow));
        }
    }

    [LibraryImport(Library, EntryPoint = "readlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint Readlinkat(int folder, string path, byte* target, nuint size);

    [LibraryImport(Library, EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int fd);

    [LibraryImport(Library, EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(SafeHandle fd, void* buffer, nuint count);

    [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(SafeHandle fd, void* buffer, nuint count);

    [LibraryImport(Library, EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint Pwrite(SafeHandle fd, void* buffer, nuint count, long offset);

    [LibraryImport(Library, EntryPoint = "lseek", SetLastError = true)]
    public static partial long Lseek(SafeHandle fd, long offset, int whence);

    [LibraryImport(Library, EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int Ftruncate(SafeHandle fd, long length);

    [LibraryImport(Library, EntryPoint = "fallocate", SetLastError = true)]
    public static partial int Fallocate(SafeHandle fd, int mode, long offset, long length);

    [LibraryImport(Library, EntryPoint = "fchmod", SetLastError = true)]
    public static partial int Fchmod(SafeHandle fd, uint mode);

    [LibraryImport(Library, EntryPoint = "fcntl", SetLastError = true)]
    public static partial int Fcntl(SafeHandle fd, int command, int argument);

    [LibraryImport(Library, EntryPoint = "flock", SetLastError = true)]
    public static partial int Flock(SafeHandle fd, int operation);

    [LibraryImport(Library, EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Ioctl(int fd, nuint command, void* argument);

    [LibraryImport(Library, EntryPoint = "pipe2", SetLastError = true)]
    public static partial int Pipe2(int* ends, int flags);

    [LibraryImport(Library, EntryPoint = "fstat", SetLastError = true)]
    public static partial int Fstat(SafeHandle fd, Stat* status);

    [LibraryImport(Library, EntryPoint = "faccessat", SetLastError = true)]
    public static partial int Faccessat(int folder, byte* path, int mode, int flags);

    [LibraryImport(Library, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Statx(int folder, string path, int flags, uint mask, StatX* status);

    [LibraryImport(Library, EntryPoint = "fstatfs", SetLastError = true)]
    public static partial int Fstatfs(SafeHandle fd, StatFs* status);
}
