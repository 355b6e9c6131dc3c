using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using CocoGuest.Linux;
using CocoGuest.Linux.Files;
using CocoGuest.Linux.Memory;
using CocoGuest.Machine.Abi;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>Host files that stand for emulated ones, and what /proc tells of fds: the few calls that .NET does not have.</summary>
internal static unsafe class HostFile
{
    /// <summary>O_NOATIME: means nothing for a memfd, so it marks the open files of one that are the supervisor's.</summary>
    public const uint OursFlag = 0x40000;

    /// <summary>
    /// The identity of the file at a path, links followed; null: there is none, or it may not be looked at. The file system is not asked:
    /// one whose server runs in the same guest would wait for the supervisor, which would wait for it.
    /// </summary>
    public static FileIdentity? IdentityAt(string path)
    {
        StatX status;
        return Libc.Statx(Libc.AtFdcwd, path, Libc.AtStatxDontSync, Libc.StatxIno, &status) == 0
            ? new FileIdentity(Device(status.DeviceMajor, status.DeviceMinor), status.Inode)
            : null;
    }

    /// <summary>The identity of an open file.</summary>
    public static FileIdentity IdentityOf(SafeFileHandle file)
    {
        Stat status;
        return Libc.Fstat(file, &status) == 0 ? IdentityIn(status) : throw new Win32Exception();
    }

    /// <summary>Path of an fd of the supervisor's, under which another open file description of the same file can be had.</summary>
    public static string PathOf(int number) => string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{number}");

    /// <summary>A new open file description of an open file.</summary>
    public static SafeFileHandle Reopen(SafeFileHandle file, int accessMode) => Checked(Memfd.Reopen(file, accessMode));

    /// <summary>Entries of an open folder from where it was read to, as getdents64 gives them.</summary>
    /// <returns>Bytes, or the negative errno.</returns>
    public static int ReadFolder(SafeFileHandle folder, Span<byte> target)
    {
        using var fd = new BorrowedFd(folder);
        fixed (byte* first = target)
        {
            nint read = Libc.Syscall(Libc.SysGetdents64, fd.Number, (nint)first, target.Length, 0);
            return read < 0 ? -Marshal.GetLastPInvokeError() : (int)read;
        }
    }

    /// <summary>How far an open file was read.</summary>
    public static long PositionOf(SafeFileHandle file) => Libc.Lseek(file, 0, Libc.SeekCur);

    /// <summary>A file without a name, as large as asked for, zeros.</summary>
    public static SafeFileHandle CreateMemfd(string name, ReadOnlySpan<byte> content = default)
    {
        SafeFileHandle file = Checked(Memfd.Create(name, executable: true));
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
        _ = Memfd.AddSeals(file, MemfdSeals.Seal | MemfdSeals.Shrink | MemfdSeals.Grow | MemfdSeals.Write);
        return Reopen(file, 0);
    }

    /// <summary>True if an open file bears <see cref="OursFlag"/>.</summary>
    public static bool IsOurs(SafeFileHandle file)
    {
        return Libc.Fcntl(file, Libc.FGetfl, 0) is var flags and >= 0 && (flags & OursFlag) != 0;
    }

    /// <summary>True if a file was opened by path only (O_PATH).</summary>
    public static bool IsPathOnly(SafeFileHandle file) =>
        Libc.Fcntl(file, Libc.FGetfl, 0) is var flags and >= 0 && ((uint)flags & OpenFlags.PathOnly) != 0;

    private static SafeFileHandle Checked(SafeFileHandle file) => !file.IsInvalid ? file : throw new Win32Exception();

    // As stat encodes major and minor.
    private static ulong Device(uint major, uint minor) =>
        ((major & 0xfffUL) << 8) | (minor & 0xff) | ((minor & ~0xffUL) << 12) | ((major & ~0xfffUL) << 32);

    private static FileIdentity IdentityIn(in Stat status) => new(status.Dev, status.Ino);
}
