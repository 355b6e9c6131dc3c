using System.Runtime.InteropServices;
using CocoGuest.Linux.Files;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Linux.Memory;

/// <summary>
/// mmap(2) and its kin, as addresses: whoever maps owns the pages and unmaps them. Failures are <see cref="Failed"/> or false; the errno is
/// <see cref="Marshal.GetLastPInvokeError"/>.
/// </summary>
public static class HostPages
{
    /// <summary>MAP_FAILED.</summary>
    public const nint Failed = -1;

    private const int ReadWrite = Libc.ProtRead | Libc.ProtWrite;
    private const int Reserved = Libc.MapPrivate | Libc.MapAnonymous | Libc.MapNoreserve;

    /// <summary>Private memory that reads zero and takes room page by page as it is touched; readable and writable.</summary>
    public static nint MapPrivate(nuint length) => Libc.Mmap(0, length, ReadWrite, Reserved, -1, 0);

    /// <summary>A part of a file, shared.</summary>
    /// <param name="file">May be closed afterwards.</param>
    /// <param name="offset">A multiple of the page size.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="writable">Readable and writable, or readable only.</param>
    public static nint MapShared(SafeFileHandle file, ulong offset, nuint length, bool writable)
    {
        using var fd = new BorrowedFd(file);
        return Libc.Mmap(0, length, writable ? ReadWrite : Libc.ProtRead, Libc.MapShared, fd.Number, (long)offset);
    }

    /// <summary>Puts a part of a file, shared and writable, in the place of pages that the caller owns.</summary>
    public static bool ReplaceByShared(nint place, nuint length, SafeFileHandle file, ulong offset)
    {
        using var fd = new BorrowedFd(file);
        return Libc.Mmap(place, length, ReadWrite, Libc.MapShared | Libc.MapFixed, fd.Number, (long)offset) != Failed;
    }

    /// <summary>Puts private memory that reads zero in the place of pages that the caller owns.</summary>
    public static bool ReplaceByPrivate(nint place, nuint length) =>
        Libc.Mmap(place, length, ReadWrite, Reserved | Libc.MapFixed, -1, 0) != Failed;

    /// <summary>MADV_DONTNEED: private memory reads zero again, and takes no room.</summary>
    public static bool Discard(nint address, nuint length) => Libc.Madvise(address, length, Libc.MadvDontneed) == 0;

    /// <summary>MADV_DONTDUMP, as far as the kernel knows it: without, it would dump the pages as those of any process.</summary>
    public static void KeepFromDumps(nint address, nuint length) => _ = Libc.Madvise(address, length, Libc.MadvDontdump);

    /// <summary>munmap.</summary>
    public static bool Unmap(nint address, nuint length) => Libc.Munmap(address, length) == 0;
}
