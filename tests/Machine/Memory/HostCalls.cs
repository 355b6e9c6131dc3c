using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Machine.Memory;

/// <summary>What a client process would try on a descriptor that it was given. Results are the errno, 0 for success.</summary>
internal static unsafe partial class HostCalls
{
    private const int ReadWriteCloseOnExec = 0x80002;
    private const int SeekData = 3;
    private const int NoFile = 7;

    public static int Truncate(SafeFileHandle fd, long length) => Errno(Ftruncate(fd, length));

    public static int AddSeal(SafeFileHandle fd, int seal) => Errno(Fcntl(fd, 1033, seal));

    public static int Write(SafeFileHandle fd) => Errno(Pwrite(fd, [1], 1, 0));

    /// <summary>Opens the descriptor anew for writing through /proc.</summary>
    public static SafeFileHandle Reopen(SafeFileHandle fd) => Open($"/proc/self/fd/{fd.DangerousGetHandle()}", ReadWriteCloseOnExec);

    public static int MapShared(SafeFileHandle fd, bool writable, out byte* address)
    {
        nint result = Mmap(0, 4096, writable ? 3 : 1, 1, fd, 0);
        address = (byte*)result;
        return Errno(result);
    }

    public static int MakeWritable(byte* address) => Errno(Mprotect((nint)address, 4096, 3));

    public static void Unmap(byte* address) => _ = Munmap((nint)address, 4096);

    /// <summary>True when the file has any page at all.</summary>
    public static bool HasData(SafeFileHandle fd) => Lseek(fd, 0, SeekData) >= 0;

    /// <summary>Runs with no descriptor number left to hand out.</summary>
    public static T WithoutDescriptors<T>(Func<T> work)
    {
        ulong* limits = stackalloc ulong[2];
        Assert.Equal(0, Getrlimit(NoFile, limits));
        ulong before = limits[0];
        try
        {
            limits[0] = 1; // F_DUPFD answers EINVAL to a limit of 0
            Assert.Equal(0, Setrlimit(NoFile, limits));
            return work();
        }
        finally
        {
            limits[0] = before;
            Assert.Equal(0, Setrlimit(NoFile, limits));
        }
    }

    private static int Errno(nint result) => result == -1 ? Marshal.GetLastPInvokeError() : 0;

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Ftruncate(SafeFileHandle fd, long length);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Fcntl(SafeFileHandle fd, int command, int argument);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    private static partial nint Pwrite(SafeFileHandle fd, ReadOnlySpan<byte> bytes, nint count, long offset);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, SafeFileHandle fd, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Munmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "lseek")]
    private static partial long Lseek(SafeFileHandle fd, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int Getrlimit(int resource, ulong* limits);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int Setrlimit(int resource, ulong* limits);
}
