using System.Runtime.InteropServices;

namespace CocoGuest.Tests.Benchmarks.Supervisor;

/// <summary>The system calls that are measured, as thin as .NET has them, and the clocks to measure them by.</summary>
internal static unsafe partial class Kernel
{
    public const int ReadOnly = 0;
    public const int ReadWrite = 2;
    public const nuint HeapAllocate = 0xc0184800;
    public const nuint BufferSync = 0x40086200;

    private const int ThreadCpuTime = 3;
    private const nint StatAtCall = 262;
    private const nint SeccompCall = 317;
    private const int AtFdCwd = -100;
    private const int Readable = 1;
    private const int Writable = 2;
    private const int Shared = 1;
    private const int Anonymous = 0x20;

    /// <summary>Nanoseconds of CPU that this thread has used.</summary>
    public static long ThreadNanos()
    {
        Time now;
        _ = ClockGetTime(ThreadCpuTime, &now);
        return (now.Seconds * 1_000_000_000) + now.Nanos;
    }

    /// <summary>Nanoseconds of CPU that all threads of a process have used, as exact as the scheduler knows them.</summary>
    public static long ProcessNanos(int pid) =>
        Directory.GetDirectories($"/proc/{pid}/task").Sum(thread =>
            long.Parse(File.ReadAllText(thread + "/schedstat").Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>stat of a path.</summary>
    public static void Stat(byte* path, byte* buffer) => _ = SystemCall(StatAtCall, AtFdCwd, path, buffer, 0);

    /// <summary>Puts a seccomp filter on this thread that allows everything.</summary>
    public static int AllowAll()
    {
        const int setNoNewPrivileges = 38;
        ulong allow = 0x7fff0000_0000_0006; // BPF_RET, SECCOMP_RET_ALLOW: one struct sock_filter
        var program = new FilterCode { Length = 1, Instructions = &allow };
        return ProcessControl(setNoNewPrivileges, 1, 0, 0, 0) == 0 ? (int)SystemCall(SeccompCall, 1, null, &program, 0) : -1;
    }

    /// <summary>A mapping of a file, or of memory that has none if <paramref name="fd"/> is −1.</summary>
    public static byte* Map(int fd, nuint length)
    {
        void* memory = Mmap(null, length, Readable | Writable, Shared | (fd < 0 ? Anonymous : 0), fd, 0);
        return memory == (void*)-1 ? throw new InvalidOperationException("mmap failed.") : (byte*)memory;
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Ioctl(int fd, nuint command, void* argument);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    public static partial int Open(byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "read")]
    [SuppressGCTransition]
    public static partial nint Read(int fd, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write")]
    [SuppressGCTransition]
    public static partial nint Write(int fd, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "getppid")]
    [SuppressGCTransition]
    public static partial int QuickParent();

    [StructLayout(LayoutKind.Sequential)]
    private struct Time
    {
        public long Seconds;
        public long Nanos;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct FilterCode
    {
        public ushort Length;
        public ulong* Instructions;
    }

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int option, nint second, nint third, nint fourth, nint fifth);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint first, void* second, void* third, nint fourth);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Mmap(void* address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, Time* time);
}
