using System.Runtime.InteropServices;
using CocoGuest.Linux;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Machine.Memory;

/// <summary>What a client process would try on a descriptor that it was given. Results are the errno, 0 for success.</summary>
internal static unsafe class HostCalls
{
    private const int ReadWrite = Libc.ProtRead | Libc.ProtWrite;

    public static int Truncate(SafeFileHandle fd, long length) => Errno(Libc.Ftruncate(fd, length));

    public static int AddSeal(SafeFileHandle fd, int seal) => Errno(Libc.Fcntl(fd, Libc.FAddSeals, seal));

    public static int Write(SafeFileHandle fd)
    {
        byte one = 1;
        return Errno(Libc.Pwrite(fd, &one, 1, 0));
    }

    /// <summary>Opens the descriptor anew for writing through /proc.</summary>
    public static SafeFileHandle Reopen(SafeFileHandle fd) =>
        new(Libc.Open($"/proc/self/fd/{fd.DangerousGetHandle()}", Libc.ORdwr | Libc.OCloexec), ownsHandle: true);

    public static int MapShared(SafeFileHandle fd, bool writable, out byte* address)
    {
        nint result = Libc.Mmap(0, 4096, writable ? ReadWrite : Libc.ProtRead, Libc.MapShared, (int)fd.DangerousGetHandle(), 0);
        address = (byte*)result;
        return Errno(result);
    }

    public static int MakeWritable(byte* address) => Errno(Libc.Mprotect((nint)address, 4096, ReadWrite));

    public static void Unmap(byte* address) => _ = Libc.Munmap((nint)address, 4096);

    /// <summary>True when the file has any page at all.</summary>
    public static bool HasData(SafeFileHandle fd) => Libc.Lseek(fd, 0, Libc.SeekData) >= 0;

    /// <summary>Runs with no descriptor number left to hand out.</summary>
    public static T WithoutDescriptors<T>(Func<T> work)
    {
        RLimit limits;
        Assert.Equal(0, BareLibc.Getrlimit(Libc.RlimitNofile, &limits));
        ulong before = limits.Cur;
        try
        {
            limits.Cur = 1; // F_DUPFD answers EINVAL to a limit of 0
            Assert.Equal(0, BareLibc.Setrlimit(Libc.RlimitNofile, &limits));
            return work();
        }
        finally
        {
            limits.Cur = before;
            Assert.Equal(0, BareLibc.Setrlimit(Libc.RlimitNofile, &limits));
        }
    }

    private static int Errno(nint result) => result == -1 ? Marshal.GetLastPInvokeError() : 0;
}
