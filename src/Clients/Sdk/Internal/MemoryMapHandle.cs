using System.ComponentModel;
using System.Runtime.InteropServices;
using CocoGuest.Linux.Memory;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Client.Internal;

/// <summary>A shared mapping of a memfd in this process; unmapped when the last user lets go.</summary>
internal sealed unsafe class MemoryMapHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private MemoryMapHandle(nint address, ulong length, bool writable)
        : base(ownsHandle: true)
    {
        SetHandle(address);
        Length = length;
        Writable = writable;
    }

    public ulong Length { get; }

    public bool Writable { get; }

    /// <summary>Maps a part of a memfd.</summary>
    /// <param name="fd">The memfd; may be closed afterwards.</param>
    /// <param name="offset">A multiple of the page size.</param>
    /// <param name="length">Bytes, more than 0, inside the memfd.</param>
    /// <param name="writable">Read and write, or read only.</param>
    /// <exception cref="Win32Exception">mmap failed.</exception>
    public static MemoryMapHandle Map(SafeFileHandle fd, ulong offset, ulong length, bool writable)
    {
        nint address = HostPages.MapShared(fd, offset, (nuint)length, writable);
        if (address == HostPages.Failed)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        return new MemoryMapHandle(address, length, writable);
    }

    /// <summary>A window on the mapping; valid until the handle is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The mapping is gone.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Outside the mapping.</exception>
    public Span<byte> Window(ulong offset, int length)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)length, Length - offset);
        // SAFETY: [offset, offset + length) lies inside the mapping, which exists until the handle is closed.
        return new Span<byte>((byte*)handle + offset, length);
    }

    /// <summary>Copies out of the mapping; holds it for the time of the copy.</summary>
    public void Read(ulong offset, Span<byte> destination)
    {
        bool held = false;
        try
        {
            DangerousAddRef(ref held);
            Window(offset, destination.Length).CopyTo(destination);
        }
        finally
        {
            if (held)
                DangerousRelease();
        }
    }

    /// <summary>Copies into the mapping; holds it for the time of the copy.</summary>
    public void Write(ulong offset, ReadOnlySpan<byte> source)
    {
        if (!Writable)
            throw new CocoException(13, "EACCES", "store", "protection", "The memory is mapped for reading only.");
        bool held = false;
        try
        {
            DangerousAddRef(ref held);
            source.CopyTo(Window(offset, source.Length));
        }
        finally
        {
            if (held)
                DangerousRelease();
        }
    }

    // SAFETY: handle and Length are those of MapShared; a SafeHandle releases once.
    protected override bool ReleaseHandle() => HostPages.Unmap(handle, (nuint)Length);
}
