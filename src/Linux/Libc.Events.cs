using System.Runtime.InteropServices;
using CocoGuest.Linux.Events;

namespace CocoGuest.Linux;

// poll.h, sys/epoll.h, sys/eventfd.h, sys/inotify.h, time.h
internal static unsafe partial class Libc
{
    public const int EfdNonblock = 0x800;
    public const int EfdCloexec = 0x80000;
    public const int EpollCloexec = 0x80000;
    public const int EpollCtlAdd = 1;
    public const int EpollCtlDel = 2;
    public const int InNonblock = 0x800;
    public const int InCloexec = 0x80000;
    public const uint InCloseWrite = 0x8;
    public const uint InCloseNowrite = 0x10;
    public const int ClockThreadCputimeId = 3;

    [LibraryImport(Library, EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollFd* fds, nuint count, int timeoutMilliseconds);

    [LibraryImport(Library, EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int EpollCreate1(int flags);

    [LibraryImport(Library, EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollCtl(SafeHandle set, int operation, SafeHandle file, EpollEvent* registration);

    [LibraryImport(Library, EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EpollWait(SafeHandle set, EpollEvent* events, int most, int timeoutMilliseconds);

    [LibraryImport(Library, EntryPoint = "eventfd", SetLastError = true)]
    public static partial int Eventfd(uint initial, int flags);

    [LibraryImport(Library, EntryPoint = "inotify_init1", SetLastError = true)]
    public static partial int InotifyInit1(int flags);

    [LibraryImport(Library, EntryPoint = "inotify_add_watch", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int InotifyAddWatch(SafeHandle inotify, string path, uint mask);

    [LibraryImport(Library, EntryPoint = "inotify_rm_watch", SetLastError = true)]
    public static partial int InotifyRmWatch(SafeHandle inotify, int watch);

    [LibraryImport(Library, EntryPoint = "clock_gettime", SetLastError = true)]
    public static partial int ClockGettime(int clock, TimeSpec* time);
}
