using System.Runtime.InteropServices;
using CocoGuest.Linux.Memory;
using CocoGuest.Machine.Abi;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine.Memory.HostMemory;

/// <summary>
/// A readable and writable mmap of the server, left out of core dumps, since it holds guests' plain text. Unmapped when disposed and
/// no <see cref="HostPin"/> is left.
/// </summary>
public sealed unsafe class HostMapping : SafeHandle
{
    private HostMapping(nint address, ulong length)
        : base(HostPages.Failed, ownsHandle: true)
    {
        Length = length;
        SetHandle(address);
    }

    /// <summary>Bytes, a multiple of the page size.</summary>
    public ulong Length { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == HostPages.Failed;

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
    internal static Result<HostMapping> MapAnonymousPrivate(ulong length, string operation) =>
        Wrap(HostPages.MapPrivate((nuint)length), length, operation);

    /// <summary>The whole file, shared.</summary>
    internal static Result<HostMapping> MapFile(SafeFileHandle file, ulong length, string operation) =>
        Wrap(HostPages.MapShared(file, 0, (nuint)length, writable: true), length, operation);

    /// <summary>Gives whole pages of private memory back to the host; they read zero afterwards.</summary>
    internal void DiscardPrivate(ulong offset, ulong length)
    {
        CheckPart(offset, length);
        using HostPin pin = Pin();
        // SAFETY: the part lies in the mapping, which the pin keeps mapped.
        if (!HostPages.Discard((nint)(pin.Pointer + offset), (nuint)length))
            NativeMemory.Clear(pin.Pointer + offset, (nuint)length); // locked pages cannot be given back
    }

    /// <summary>Puts whole pages of a file, shared, in the place of a part of private memory, whose bytes are lost.</summary>
    internal Failure? CoverPrivate(ulong offset, SafeFileHandle file, ulong fileOffset, ulong length)
    {
        CheckPart(offset, length);
        using HostPin pin = Pin();
        // SAFETY: it replaces a part of this very mapping, which the pin keeps.
        nint place = (nint)(pin.Pointer + offset);
        if (!HostPages.ReplaceByShared(place, (nuint)length, file, fileOffset))
            return HostFailure.Last("map file into guest memory", "mmap", length);
        HostPages.KeepFromDumps(place, (nuint)length);
        return null;
    }

    /// <summary>Makes a part private memory again, which reads zero. False: the host refused, and what was there is there still.</summary>
    internal bool UncoverPrivate(ulong offset, ulong length)
    {
        CheckPart(offset, length);
        using HostPin pin = Pin();
        // SAFETY: it replaces a part of this very mapping, which the pin keeps.
        nint place = (nint)(pin.Pointer + offset);
        if (!HostPages.ReplaceByPrivate(place, (nuint)length))
            return false;
        HostPages.KeepFromDumps(place, (nuint)length);
        return true;
    }

    /// <summary>Throws unless the part lies in the mapping.</summary>
    internal void CheckPart(ulong offset, ulong length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => HostPages.Unmap(handle, (nuint)Length);

    private static Result<HostMapping> Wrap(nint address, ulong length, string operation)
    {
        if (address == HostPages.Failed)
            return HostFailure.Last(operation, "mmap", length);
        HostPages.KeepFromDumps(address, (nuint)length);
        return new HostMapping(address, length);
    }
}
