using System.Runtime.InteropServices;
using CocoGuest.Machine.Abi;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine.Memory.HostMemory;

/// <summary>
/// A readable and writable mmap of the server, left out of core dumps, since it holds guests' plain text. Unmapped when disposed and
/// no <see cref="HostPin"/> is left.
/// </summary>
public sealed unsafe partial class HostMapping : SafeHandle
{
    private const int ProtReadWrite = 1 | 2;
    private const int MapShared = 0x01;
    private const int MapPrivate = 0x02;
    private const int MapFixed = 0x10;
    private const int MapAnonymous = 0x20;
    private const int MapNoReserve = 0x4000;
    private const int AdviseDontNeed = 4;
    private const int AdviseDontDump = 16;

    private HostMapping(nint address, ulong length)
        : base(-1, ownsHandle: true)
    {
        Length = length;
        SetHandle(address);
    }

    /// <summary>Bytes, a multiple of the page size.</summary>
    public ulong Length { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>First byte. Valid until disposal; a copy that may race with disposal takes a <see cref="Pin"/> instead.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (byte*)handle;
        }
    }

    /// <summary>Keeps it mapped until the pin is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public HostPin Pin() => new(this);

    /// <summary>Private memory that reads zero and takes room page by page as it is touched.</summary>
    internal static Result<HostMapping> MapAnonymousPrivate(ulong length, string operation)
    {
        nint address = Mmap(0, (nuint)length, ProtReadWrite, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        return Wrap(address, length, operation);
    }

    /// <summary>The whole file, shared.</summary>
    internal static Result<HostMapping> MapFile(SafeFileHandle file, ulong length, string operation)
    {
        nint address = MmapFile(0, (nuint)length, ProtReadWrite, MapShared, file, 0);
        return Wrap(address, length, operation);
    }

    /// <summary>Gives whole pages of private memory back to the host; they read zero afterwards.</summary>
    internal void DiscardPrivate(ulong offset, ulong length)
    {
        CheckPart(offset, length);
        using HostPin pin = Pin();
        // SAFETY: the part lies in the mapping, which the pin keeps mapped.
        if (Madvise(pin.Pointer + offset, (nuint)length, AdviseDontNeed) != 0)
            NativeMemory.Clear(pin.Pointer + offset, (nuint)length); // locked pages cannot be given back
    }

    /// <summary>Puts whole pages of a file, shared, in the place of a part of private memory, whose bytes are lost.</summary>
    internal Failure? CoverPrivate(ulong offset, SafeFileHandle file, ulong fileOffset, ulong length)
    {
        CheckPart(offset, length);
        using HostPin pin = Pin();
        // SAFETY: it replaces a part of this very mapping, which the pin keeps.
        byte* place = pin.Pointer + offset;
        if (MmapFile((nint)place, (nuint)length, ProtReadWrite, MapShared | MapFixed, file, (long)fileOffset) == -1)
            return HostFailure.Last("map file into guest memory", "mmap", length);
        _ = Madvise(place, (nuint)length, AdviseDontDump);
        return null;
    }

    /// <summary>Makes a part private memory again, which reads zero. False: the host refused, and what was there is there still.</summary>
    internal bool UncoverPrivate(ulong offset, ulong length)
    {
        CheckPart(offset, length);
        using HostPin pin = Pin();
        // SAFETY: it replaces a part of this very mapping, which the pin keeps.
        byte* place = pin.Pointer + offset;
        if (Mmap((nint)place, (nuint)length, ProtReadWrite, MapPrivate | MapAnonymous | MapNoReserve | MapFixed, -1, 0) == -1)
            return false;
        _ = Madvise(place, (nuint)length, AdviseDontDump);
        return true;
    }

    /// <summary>Throws unless the part lies in the mapping.</summary>
    internal void CheckPart(ulong offset, ulong length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Munmap(handle, (nuint)Length) == 0;

    private static Result<HostMapping> Wrap(nint address, ulong length, string operation)
    {
        if (address == -1)
            return HostFailure.Last(operation, "mmap", length);
        // Best effort: a kernel without the advice would dump the pages, as it would any process's memory.
        _ = Madvise((byte*)address, (nuint)length, AdviseDontDump);
        return new HostMapping(address, length);
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MmapFile(nint address, nuint length, int protection, int flags, SafeFileHandle fd, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Munmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Madvise(byte* address, nuint length, int advice);
}
