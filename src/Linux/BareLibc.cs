using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

/// <summary>
/// Functions of the C library as a child of fork may call them: nothing but the call. The runtime neither learns that the thread is in
/// native
/// code, nor keeps its errno (<see cref="ErrnoLocation"/> has it).
/// </summary>
/// <remarks>
/// The thread cannot be stopped for a garbage collection meanwhile. So in a process that has others, only what never waits may be called:
/// benchmarks do, to measure the kernel and not the runtime.
/// </remarks>
internal static unsafe partial class BareLibc
{
    private const string Library = "libc";

    [LibraryImport(Library, EntryPoint = "fork"), SuppressGCTransition]
    public static partial int Fork();

    [LibraryImport(Library, EntryPoint = "__errno_location"), SuppressGCTransition]
    public static partial int* ErrnoLocation();

    [LibraryImport(Library, EntryPoint = "getrlimit"), SuppressGCTransition]
    public static partial int Getrlimit(int resource, RLimit* limit);

    [LibraryImport(Library, EntryPoint = "setrlimit"), SuppressGCTransition]
    public static partial int Setrlimit(int resource, RLimit* limit);

    /// <summary>
    /// syscall: a number of <see cref="CallNumber"/> and its arguments; −1 where the call failed. One binding for all that a child calls.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "syscall"), SuppressGCTransition]
    public static partial nint Syscall(nint number, nint first, nint second, nint third, nint fourth, nint fifth, nint sixth);

    [LibraryImport(Library, EntryPoint = "sendmsg"), SuppressGCTransition]
    public static partial nint Sendmsg(int socket, MsgHdr* message, int flags);

    [LibraryImport(Library, EntryPoint = "read"), SuppressGCTransition]
    public static partial nint Read(int fd, void* buffer, nuint count);

    [LibraryImport(Library, EntryPoint = "write"), SuppressGCTransition]
    public static partial nint Write(int fd, void* buffer, nuint count);

    [LibraryImport(Library, EntryPoint = "getppid"), SuppressGCTransition]
    public static partial int Getppid();
}
