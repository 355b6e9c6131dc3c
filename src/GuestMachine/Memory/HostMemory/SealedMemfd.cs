using System.Runtime.InteropServices;
using CocoGuest.Linux.Memory;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Frames;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine.Memory.HostMemory;

/// <summary>
/// A memfd whose size and seals can never change again, mapped into the server and handed to clients as a file descriptor: the
/// host side of a buffer that a client may map.
/// <para>A client that holds the descriptor can do to it what its mode allows, so what must hold is in the seals: nobody can
/// shrink it under the server's mapping (SIGBUS) or grow it, and of a read-only one nobody can make a writable mapping or write to
/// it, not even by opening it anew through /proc. The server's own mapping is older than that seal and stays writable.</para>
/// <para>Does not model: anything of a dma-buf but its memory; fd flags, names and ioctls are the fd table's.</para>
/// </summary>
public sealed unsafe class SealedMemfd : IDisposable
{
    private const string CreateOperation = "create client buffer";
    private const int ReadOnlyAccess = 0;

    private SealedMemfd(SafeFileHandle file, HostMapping mapping, bool readOnly)
    {
        File = file;
        Mapping = mapping;
        ReadOnly = readOnly;
    }

    /// <summary>The descriptor, readable and writable by mode. Closed on disposal.</summary>
    public SafeFileHandle File { get; }

    /// <summary>Number of the descriptor, for the statement that passes it on. Valid while <see cref="File"/> is held.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public int Fd
    {
        get
        {
            ObjectDisposedException.ThrowIf(File.IsClosed, this);
            return (int)File.DangerousGetHandle();
        }
    }

    /// <summary>The server's mapping, writable in any case; for pins.</summary>
    public HostMapping Mapping { get; }

    /// <summary>True when clients can only read.</summary>
    public bool ReadOnly { get; }

    /// <summary>Bytes.</summary>
    public ulong Length => Mapping.Length;

    /// <summary>First byte; see <see cref="HostMapping.Pointer"/>.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public byte* Pointer => Mapping.Pointer;

    /// <summary>Makes one that reads zero and takes room as it is touched.</summary>
    /// <param name="length">Bytes, a multiple of 4096, not 0.</param>
    /// <param name="readOnly">Clients can never write to it.</param>
    /// <returns>
    /// The buffer, or the host's errno (<see cref="Errno.ENOMEM"/>, <see cref="Errno.EMFILE"/>, <see cref="Errno.ENFILE"/>).
    /// </returns>
    /// <exception cref="ArgumentException">Length is 0 or not whole pages.</exception>
    public static Result<SealedMemfd> Create(ulong length, bool readOnly)
    {
        ArgumentOutOfRangeException.ThrowIfZero(length);
        if (!Page.IsAligned(length))
            throw new ArgumentException($"{length} is not a multiple of {Page.Size}.", nameof(length));
        if (length > long.MaxValue)
            return new Failure(Errno.ENOMEM, CreateOperation, "ftruncate", $"No file holds {length} bytes.");

        SafeFileHandle file = Memfd.Create("cocoguest", executable: false);
        if (file.IsInvalid)
            return HostFailure.Last(CreateOperation, "memfd_create", length);
        if (FdReserve.IsNotForMemory(file))
            return Close(file, NoMoreFds(CreateOperation));

        // Opening it anew through /proc goes by the file mode, so that takes the way to a writable descriptor from other users.
        if (!Memfd.Resize(file, (long)length))
            return Close(file, HostFailure.Last(CreateOperation, "ftruncate", length));
        if (!Memfd.ChangeMode(file, UnixFileMode.UserRead))
            return Close(file, HostFailure.Last(CreateOperation, "fchmod", length));
        Result<HostMapping> mapping = HostMapping.MapFile(file, length, CreateOperation);
        if (!mapping.Ok)
            return Close(file, mapping.Failure);

        // Only now: the server's mapping has to be older than the seal on writing.
        const MemfdSeals always = MemfdSeals.Shrink | MemfdSeals.Grow | MemfdSeals.Seal;
        if (Memfd.AddSeals(file, always | (readOnly ? MemfdSeals.FutureWrite : 0)))
            return new SealedMemfd(file, mapping.Value, readOnly);
        Failure failure = HostFailure.Last(CreateOperation, "F_ADD_SEALS", length);
        mapping.Value.Dispose();
        return Close(file, failure);
    }

    /// <summary>A new descriptor, close-on-exec, for a client.</summary>
    /// <param name="readOnly">Opened for reading only, whatever this buffer allows.</param>
    /// <returns>
    /// The descriptor, or the host's errno (<see cref="Errno.EMFILE"/>, <see cref="Errno.ENFILE"/>, or
    /// <see cref="Errno.ENOENT"/> without /proc).
    /// </returns>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Result<SafeFileHandle> DuplicateFor(bool readOnly)
    {
        SafeFileHandle copy = readOnly ? Memfd.Reopen(File, ReadOnlyAccess) : Memfd.Duplicate(File);
        if (!copy.IsInvalid && !FdReserve.IsRuntimes(copy))
            return copy;
        Failure failure = copy.IsInvalid
            ? HostFailure.Last("duplicate client buffer", readOnly ? "open" : "F_DUPFD_CLOEXEC", Length)
            : NoMoreFds("duplicate client buffer");
        copy.Dispose();
        return failure;
    }

    /// <summary>
    /// A new descriptor, close-on-exec, that shares nothing with the buffer's own: with an access mode of its own, and closed when its last
    /// user closes it, which <c>IN_CLOSE</c> tells.
    /// </summary>
    /// <param name="access">The two O_ACCMODE bits.</param>
    /// <returns>The descriptor, or the host's errno, as <see cref="DuplicateFor"/>.</returns>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    internal Result<SafeFileHandle> OpenAnew(int access)
    {
        // The mode that keeps others from opening it anew is in the server's own way, too.
        SafeFileHandle? opens = Memfd.ChangeMode(File, UnixFileMode.UserRead | UnixFileMode.UserWrite) ? Memfd.Reopen(File, access) : null;
        Failure? failure = opens is null or { IsInvalid: true } ? HostFailure.Last("open client buffer anew", "open", Length) : null;
        if (Memfd.ChangeMode(File, UnixFileMode.UserRead) && failure is null)
            return opens!;
        failure ??= HostFailure.Last("open client buffer anew", "fchmod", Length);
        opens?.Dispose();
        return failure;
    }

    /// <summary>
    /// Makes every mapping of it, here and in clients, read zero, and gives the memory back. A read-only buffer's memory is cleared and
    /// stays until the last descriptor and mapping are gone, since its seal forbids holes.
    /// </summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void PunchAll()
    {
        using HostPin pin = Mapping.Pin();
        if (ReadOnly || !Memfd.PunchHole(File, 0, (long)Length))
            ClearData(pin);
    }

    /// <summary>As <see cref="PunchAll"/> for a part, in whole pages. A sealed memfd of a read-only buffer is cleared instead.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void Punch(ulong offset, ulong length)
    {
        using HostPin pin = Mapping.Pin();
        if (ReadOnly || !Memfd.PunchHole(File, (long)offset, (long)length))
            NativeMemory.Clear((byte*)pin.Pointer + offset, (nuint)length);
    }

    /// <summary>
    /// Runs of bytes that exist; the others read zero and take no room. Moves the file position, which only <see cref="DuplicateFor"/>'s
    /// descriptors share.
    /// </summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    internal IEnumerable<(ulong Start, ulong Length)> DataRuns()
    {
        for (long start = Memfd.NextData(File, 0); start >= 0;)
        {
            long end = Memfd.NextHole(File, start);
            yield return ((ulong)start, (ulong)(end - start));
            start = Memfd.NextData(File, end);
        }
    }

    /// <summary>Closes the descriptor, and unmaps the memory as soon as no pin is left. Clients keep theirs.</summary>
    public void Dispose()
    {
        File.Dispose();
        Mapping.Dispose();
    }

    /// <summary>Clears the pages that exist; clearing all of them would make the others exist.</summary>
    private void ClearData(HostPin pin)
    {
        // Its own descriptor, because clients share the file position of this one.
        Result<SafeFileHandle> opened = DuplicateFor(readOnly: true);
        if (!opened.Ok)
        {
            NativeMemory.Clear(pin.Pointer, (nuint)Length);
            return;
        }
        using SafeFileHandle file = opened.Value;
        for (long start = Memfd.NextData(file, 0); start >= 0;)
        {
            long end = Memfd.NextHole(file, start);
            // SAFETY: start and end lie in the file, whose sealed size is that of the pinned mapping.
            NativeMemory.Clear(pin.Pointer + start, (nuint)(end - start));
            start = Memfd.NextData(file, end);
        }
    }

    private static Failure NoMoreFds(string operation) => new(Errno.EMFILE, operation, "check reserve",
        "The server has no open files left for memory (ulimit -n); what is released gives them back.");

    private static Result<SealedMemfd> Close(SafeFileHandle file, Failure failure)
    {
        file.Dispose();
        return failure;
    }
}
