using System.Globalization;
using System.Runtime.InteropServices;
using CocoGuest.Linux.Files;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Linux.Memory;

/// <summary>
/// memfd_create(2) and what can be done to such a file. Failures are false, or an invalid handle; the errno is
/// <see cref="Marshal.GetLastPInvokeError"/>.
/// </summary>
public static class Memfd
{
    private const int Einval = 22;

    /// <summary>An empty file without a name that can be sealed, close-on-exec.</summary>
    /// <param name="name">What /proc shows of it.</param>
    /// <param name="executable">Nothing hinders anybody to execute it; false needs Linux 6.3, and is ignored before.</param>
    public static SafeFileHandle Create(string name, bool executable)
    {
        const uint sealable = Libc.MfdCloexec | Libc.MfdAllowSealing;
        int fd = Libc.MemfdCreate(name, sealable | (executable ? 0 : Libc.MfdNoexecSeal));
        if (fd < 0 && !executable && Marshal.GetLastPInvokeError() == Einval)
        {
            fd = Libc.MemfdCreate(name, sealable);
        }

        return new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>ftruncate: what is new reads zero.</summary>
    public static bool Resize(SafeFileHandle file, long length) => Libc.Ftruncate(file, length) == 0;

    /// <summary>fchmod: who may open it anew.</summary>
    public static bool ChangeMode(SafeFileHandle file, UnixFileMode mode) => Libc.Fchmod(file, (uint)mode) == 0;

    /// <summary>F_ADD_SEALS.</summary>
    public static bool AddSeals(SafeFileHandle file, MemfdSeals seals) => Libc.Fcntl(file, Libc.FAddSeals, (int)seals) == 0;

    /// <summary>F_GET_SEALS; null: the file has none, for it is no memfd.</summary>
    public static MemfdSeals? SealsOf(SafeFileHandle file)
    {
        int seals = Libc.Fcntl(file, Libc.FGetSeals, 0);
        return seals < 0 ? null : (MemfdSeals)seals;
    }

    /// <summary>Another fd of the same open file, close-on-exec.</summary>
    public static SafeFileHandle Duplicate(SafeFileHandle file) => new(Libc.Fcntl(file, Libc.FDupfdCloexec, 0), ownsHandle: true);

    /// <summary>
    /// A new open file description of the same file, close-on-exec, through /proc: with a position and an access mode of its own.
    /// </summary>
    /// <param name="file">The file; held open meanwhile, so that its number cannot become another file's.</param>
    /// <param name="access">The two O_ACCMODE bits, and what else open may be told.</param>
    public static SafeFileHandle Reopen(SafeFileHandle file, int access)
    {
        using var source = new BorrowedFd(file);
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{source.Number}");
        return new SafeFileHandle(Libc.Open(path, access | Libc.OCloexec), ownsHandle: true);
    }

    /// <summary>Gives whole pages back: they read zero. The size stays.</summary>
    public static bool PunchHole(SafeFileHandle file, long offset, long length) =>
        Libc.Fallocate(file, Libc.FallocFlPunchHole | Libc.FallocFlKeepSize, offset, length) == 0;

    /// <summary>
    /// Where the first bytes that exist begin, from a place on; negative: there are none. Moves the position of the open file.
    /// </summary>
    public static long NextData(SafeFileHandle file, long from) => Libc.Lseek(file, from, Libc.SeekData);

    /// <summary>Where the first hole, or the end, is, from a place on. Moves the position of the open file.</summary>
    public static long NextHole(SafeFileHandle file, long from) => Libc.Lseek(file, from, Libc.SeekHole);
}
