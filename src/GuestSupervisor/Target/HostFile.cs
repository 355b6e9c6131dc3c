using System.Buffers.Binary;
using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>Host files that stand for emulated ones, and what /proc tells of fds: the few calls that .NET does not have.</summary>
internal static unsafe partial class HostFile
{
    /// <summary>O_NOATIME: means nothing for a memfd, so it marks the open files of one that are the supervisor's.</summary>
    public const uint OursFlag = 0x40000;

    private const int StatBytes = 144;
    private const uint MemfdCloseOnExec = 1;
    private const uint MemfdSealable = 2;
    private const int CloseOnExec = 0x80000;
    private const int AddSeals = 1033;
    private const int AllSeals = 0xf;
    private const int AtFdCwd = -100;
    private const nint GetEntriesCall = 217;

    /// <summary>The identity of the file at a path, links followed; null: there is none, or it may not be looked at.</summary>
    public static FileIdentity? IdentityAt(string path)
    {
        byte* buffer = stackalloc byte[StatBytes];
        return StatAt(AtFdCwd, path, buffer, 0) == 0 ? IdentityIn(buffer) : null;
    }

    /// <summary>stat of a path of the host: the whole structure.</summary>
    public static bool TryStat(string path, Span<byte> target)
    {
        byte* buffer = stackalloc byte[StatBytes];
        return StatAt(AtFdCwd, path, buffer, 0) == 0 && new ReadOnlySpan<byte>(buffer, StatBytes).TryCopyTo(target);
    }

    /// <summary>The identity of an open file.</summary>
    public static FileIdentity IdentityOf(SafeFileHandle file)
    {
        byte* buffer = stackalloc byte[StatBytes];
        return Stat(file, buffer) == 0 ? IdentityIn(buffer) : throw new Win32Exception();
    }

    /// <summary>Path of an fd of the supervisor's, under which another open file description of the same file can be had.</summary>
    public static string PathOf(int number) => string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{number}");

    /// <summary>A new open file description of an open file.</summary>
    public static SafeFileHandle Reopen(SafeFileHandle file, int accessMode)
    {
        using var source = new BorrowedFd(file);
        return Checked(Open(PathOf(source.Number), accessMode | CloseOnExec));
    }

    /// <summary>Opens a folder that everybody may read; null: there is none, or not everybody may.</summary>
    public static SafeFileHandle? OpenFolder(string path)
    {
        const int folder = 0x10000;
        const uint readAndEnter = 5;
        byte* buffer = stackalloc byte[StatBytes];
        int fd = Open(path, folder | CloseOnExec);
        SafeFileHandle? file = fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
        if (file is not null
            && (Stat(file, buffer) != 0 || (BinaryPrimitives.ReadUInt32LittleEndian(new(buffer + 24, 4)) & readAndEnter) != readAndEnter))
        {
            file.Dispose();
            return null;
        }

        return file;
    }

    /// <summary>Entries of an open folder from where it was read to, as getdents64 gives them.</summary>
    /// <returns>Bytes, or the negative errno.</returns>
    public static int ReadFolder(SafeFileHandle folder, Span<byte> target)
    {
        fixed (byte* first = target)
        {
            nint read = GetEntries(GetEntriesCall, folder, first, (nuint)target.Length);
            return read < 0 ? -Marshal.GetLastPInvokeError() : (int)read;
        }
    }

    /// <summary>How far an open file was read.</summary>
    public static long PositionOf(SafeFileHandle file) => Seek(file, 0, 1);

    /// <summary>A file without a name, as large as asked for, zeros.</summary>
    public static SafeFileHandle CreateMemfd(string name, ReadOnlySpan<byte> content = default)
    {
        SafeFileHandle file = Checked(MemfdCreate(name, MemfdCloseOnExec | MemfdSealable));
        if (!content.IsEmpty)
        {
            RandomAccess.Write(file, content, 0);
        }

        return file;
    }

    /// <summary>A text that can only be read: what a kernel's text file was at the moment of its open.</summary>
    public static SafeFileHandle CreateText(string name, ReadOnlySpan<byte> content)
    {
        using SafeFileHandle file = CreateMemfd(name, content);
        _ = Control(file, AddSeals, AllSeals);
        return Reopen(file, 0);
    }

    /// <summary>F_GET_SEALS; null: the file has none, for it is no memfd.</summary>
    public static int? SealsOf(SafeFileHandle file)
    {
        const int getSeals = 1034;
        int seals = Control(file, getSeals, 0);
        return seals < 0 ? null : seals;
    }

    /// <summary>True if an open file bears <see cref="OursFlag"/>.</summary>
    public static bool IsOurs(SafeFileHandle file)
    {
        const int getFlags = 3;
        return Control(file, getFlags, 0) is var flags and >= 0 && (flags & OursFlag) != 0;
    }

    /// <summary>A pipe: its read end, and its write end, which never blocks.</summary>
    public static (SafeFileHandle Read, SafeFileHandle Write) CreatePipe()
    {
        int* ends = stackalloc int[2];
        const int nonBlock = 0x800;
        if (Pipe(ends, CloseOnExec) != 0)
        {
            throw new Win32Exception();
        }

        var pair = (Read: new SafeFileHandle(ends[0], ownsHandle: true), Write: new SafeFileHandle(ends[1], ownsHandle: true));
        const int setFlags = 4;
        _ = Control(pair.Write, setFlags, nonBlock);
        return pair;
    }

    /// <summary>A pidfd: readable once the process ended. Null: it is gone already.</summary>
    public static SafeFileHandle? OpenProcess(int pid)
    {
        int fd = PidfdOpen(pid, 0);
        return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>A duplicate of a process's fd; null: not open, or the process is gone.</summary>
    public static SafeFileHandle? TakeFd(SafeFileHandle process, int number)
    {
        using var pid = new BorrowedFd(process);
        int fd = PidfdGetfd(pid.Number, number, 0);
        return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>Writes to a pipe; false when it is full, or when nobody has the other end or this one any more.</summary>
    public static bool TryWrite(SafeFileHandle pipe, ReadOnlySpan<byte> bytes)
    {
        try
        {
            fixed (byte* first = bytes)
            {
                return Write(pipe, first, (nuint)bytes.Length) == bytes.Length;
            }
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Sends a signal to a process.</summary>
    public static void Signal(SafeFileHandle process, int signal)
    {
        using var pid = new BorrowedFd(process);
        _ = PidfdSendSignal(pid.Number, signal, 0, 0);
    }

    /// <summary>Waits until a process has ended.</summary>
    public static void WaitForEnd(SafeFileHandle process)
    {
        using var pid = new BorrowedFd(process);
        var wait = new PollFd { Fd = pid.Number, Events = 1 };
        while (Poll(&wait, 1, -1) < 0)
        {
        }
    }

    private static SafeFileHandle Checked(int fd) => fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw new Win32Exception();

    private static FileIdentity IdentityIn(byte* stat) =>
        new(BinaryPrimitives.ReadUInt64LittleEndian(new(stat, 8)), BinaryPrimitives.ReadUInt64LittleEndian(new(stat + 8, 8)));

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFd
    {
        public int Fd;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle file, byte* bytes, nuint length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollFd* fds, nuint count, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "fstatat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatAt(int folder, string path, byte* buffer, int flags);

    [LibraryImport("libc", EntryPoint = "fstat", SetLastError = true)]
    private static partial int Stat(SafeFileHandle fd, byte* buffer);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint GetEntries(nint number, SafeFileHandle folder, byte* entries, nuint length);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(SafeFileHandle file, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(SafeFileHandle fd, int command, int argument);

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static partial int Pipe(int* ends, int flags);

    [LibraryImport("libc", EntryPoint = "pidfd_open", SetLastError = true)]
    private static partial int PidfdOpen(int pid, uint flags);

    [LibraryImport("libc", EntryPoint = "pidfd_send_signal", SetLastError = true)]
    private static partial int PidfdSendSignal(int pidfd, int signal, nint info, uint flags);

    [LibraryImport("libc", EntryPoint = "pidfd_getfd", SetLastError = true)]
    private static partial int PidfdGetfd(int pidfd, int number, uint flags);
}
