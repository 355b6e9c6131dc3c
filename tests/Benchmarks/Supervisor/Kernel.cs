using CocoGuest.Linux;

namespace CocoGuest.Tests.Benchmarks.Supervisor;

/// <summary>
/// What the measured system calls need, and the clocks to measure them by. The calls themselves are <see cref="Libc"/>'s.
/// </summary>
internal static unsafe class Kernel
{
    public const nuint HeapAllocate = 0xc0184800;
    public const nuint BufferSync = 0x40086200;

    private const nint StatAtCall = 262;

    /// <summary>Nanoseconds of CPU that this thread has used.</summary>
    public static long ThreadNanos()
    {
        TimeSpec now;
        _ = Libc.ClockGettime(Libc.ClockThreadCputimeId, &now);
        return (now.Sec * 1_000_000_000) + now.Nsec;
    }

    /// <summary>Nanoseconds of CPU that all threads of a process have used, as exact as the scheduler knows them.</summary>
    public static long ProcessNanos(int pid) =>
        Directory.GetDirectories($"/proc/{pid}/task").Sum(thread =>
            long.Parse(File.ReadAllText(thread + "/schedstat").Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>stat of a path.</summary>
    public static void Stat(byte* path, byte* buffer) => _ = Libc.Syscall(StatAtCall, Libc.AtFdcwd, (nint)path, (nint)buffer, 0);

    /// <summary>Puts a seccomp filter on this thread that allows everything.</summary>
    public static int AllowAll()
    {
        ulong allow = 0x7fff0000_0000_0006; // BPF_RET, SECCOMP_RET_ALLOW: one struct sock_filter
        var program = new SockFprog { Len = 1, Filter = &allow };
        return Libc.Prctl(Libc.PrSetNoNewPrivs, 1, 0, 0, 0) == 0
            ? (int)Libc.Syscall(Libc.SysSeccomp, Libc.SeccompSetModeFilter, 0, (nint)(&program), 0) : -1;
    }

    /// <summary>A mapping of a file, or of memory that has none if <paramref name="fd"/> is −1.</summary>
    public static byte* Map(int fd, nuint length)
    {
        int flags = Libc.MapShared | (fd < 0 ? Libc.MapAnonymous : 0);
        nint memory = Libc.Mmap(0, length, Libc.ProtRead | Libc.ProtWrite, flags, fd, 0);
        return memory == -1 ? throw new InvalidOperationException("mmap failed.") : (byte*)memory;
    }
}
