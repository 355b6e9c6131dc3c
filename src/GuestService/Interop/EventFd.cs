using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Service.Interop;

/// <summary>eventfd(2): wakes a thread that sits in poll.</summary>
internal static partial class EventFd
{
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;

    public static SafeFileHandle Create()
    {
        int fd = Open(0, CloseOnExec | NonBlocking);
        return fd >= 0
            ? new SafeFileHandle(fd, ownsHandle: true)
            : throw new IOException($"eventfd failed with errno {Marshal.GetLastPInvokeError()}.");
    }

    public static void Signal(SafeHandle handle)
    {
        ulong one = 1;
        // A full counter means that a wake-up is pending, which is all that is wanted.
        _ = Write(handle, in one, sizeof(ulong));
    }

    public static void Drain(SafeHandle handle) => _ = Read(handle, out _, sizeof(ulong));

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int Open(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeHandle handle, in ulong value, nuint size);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeHandle handle, out ulong value, nuint size);
}
