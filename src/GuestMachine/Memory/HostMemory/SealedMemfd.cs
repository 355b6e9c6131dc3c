using System.Runtime.InteropServices;
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
public sealed unsafe partial class SealedMemfd : IDisposable
{
    private const string CreateOperation = "create client buffer";
    private const int CloseOnExec = 0x1;
    private const int AllowSealing = 0x2;
    private const int NoExecSeal = 0x8;
    private const int AddSeals = 1033;
    private const int DuplicateCloseOnExec = 1030;
    private const int SealSeal = 0x1;
    private const int SealShrink = 0x2;
    private const int SealGrow = 0x4;
    private const int SealFutureWrite = 0x10;
    private const int CloseOnExecFlag = 0x80000;
    private const int OpenReadOnlyCloseOnExec = CloseOnExecFlag;
    private const int PunchHoleKeepSize = 0x2 | 0x1;
    private const uint OwnerReads = 0x100; // 0400
    private const uint OwnerWrites = 0x80; // 0200
    private const int SeekData = 3;
    private const int SeekHole = 4;

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

        SafeFileHandle file = MemfdCreate("cocoguest", CloseOnExec | AllowSealing | NoExecSeal);
        if (file.IsInvalid && Marshal.GetLastPInvokeError() == (int)Errno.EINVAL)
            file = MemfdCreate("cocoguest", CloseOnExec | AllowSealing); // kernels before 6.3 do not know the flag
        if (file.IsInvalid)
            return HostFailure.Last(CreateOperation, "memfd_create", length);

        // Opening it anew through /proc goes by the file mode, so that takes the way to a writable descriptor from other users.
        if (Ftruncate(file, (long)length) != 0)
            return Close(file, HostFailure.Last(CreateOperation, "ftruncate", length));
        if (Fchmod(file, OwnerReads) != 0)
            return Close(file, HostFailure.Last(CreateOperation, "fchmod", length));
        Result<HostMapping> mapping = HostMapping.MapFile(file, length, CreateOperation);
        if (!mapping.Ok)
            return Close(file, mapping.Failure);

        // Only now: the server's mapping has to be older than the seal on writing.
        int seals = SealShrink | SealGrow | SealSeal | (readOnly ? SealFutureWrite : 0);
        if (Fcntl(file, AddSeals, seals) == 0)
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
        bool held = false;
        try
        {
            // Held, so that the number in the path cannot become another file's meanwhile.
            File.DangerousAddRef(ref held);
            SafeFileHandle copy = readOnly
                ? Open(FormattableString.Invariant($"/proc/self/fd/{File.DangerousGetHandle()}"), OpenReadOnlyCloseOnExec)
                : FcntlDuplicate(File, DuplicateCloseOnExec, 0);
            if (!copy.IsInvalid)
                return copy;
            Failure failure = HostFailure.Last("duplicate client buffer", readOnly ? "open" : "F_DUPFD_CLOEXEC", Length);
            copy.Dispose();
            return failure;
        }
        finally
        {
            if (held)
                File.DangerousRelease();
        }
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
        bool held = false;
        try
        {
            File.DangerousAddRef(ref held);
            string path = FormattableString.Invariant($"/proc/self/fd/{File.DangerousGetHandle()}");

            // The mode that keeps others from opening it anew is in the server's own way, too.
            SafeFileHandle? opens = Fchmod(File, OwnerReads | OwnerWrites) == 0 ? Open(path, access | CloseOnExecFlag) : null;
            Failure? failure = opens is null or { IsInvalid: true } ? HostFailure.Last("open client buffer anew", "open", Length) : null;
            if (Fchmod(File, OwnerReads) == 0 && failure is null)
                return opens!;
            failure ??= HostFailure.Last("open client buffer anew", "fchmod", Length);
            opens?.Dispose();
            return failure;
        }
        finally
        {
            if (held)
                File.DangerousRelease();
        }
    }

    /// <summary>
    /// Makes every mapping of it, here and in clients, read zero, and gives the memory back. A read-only buffer's memory is cleared and
    /// stays until the last descriptor and mapping are gone, since its seal forbids holes.
    /// </summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void PunchAll()
    {
        using HostPin pin = Mapping.Pin();
        if (ReadOnly || Fallocate(File, PunchHoleKeepSize, 0, (long)Length) != 0)
            ClearData(pin);
    }

    /// <summary>As <see cref="PunchAll"/> for a part, in whole pages. A sealed memfd of a read-only buffer is cleared instead.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void Punch(ulong offset, ulong length)
    {
        using HostPin pin = Mapping.Pin();
        if (ReadOnly || Fallocate(File, PunchHoleKeepSize, (long)offset, (long)length) != 0)
            NativeMemory.Clear((byte*)pin.Pointer + offset, (nuint)length);
    }

    /// <summary>
    /// Runs of bytes that exist; the others read zero and take no room. Moves the file position, which only <see cref="DuplicateFor"/>'s
    /// descriptors share.
    /// </summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    internal IEnumerable<(ulong Start, ulong Length)> DataRuns()
    {
        for (long start = Lseek(File, 0, SeekData); start >= 0;)
        {
            long end = Lseek(File, start, SeekHole);
            yield return ((ulong)start, (ulong)(end - start));
            start = Lseek(File, end, SeekData);
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
        for (long start = Lseek(file, 0, SeekData); start >= 0;)
        {
            long end = Lseek(file, start, SeekHole);
            // SAFETY: start and end lie in the file, whose sealed size is that of the pinned mapping.
            NativeMemory.Clear(pin.Pointer + start, (nuint)(end - start));
            start = Lseek(file, end, SeekData);
        }
    }

    private static Result<SealedMemfd> Close(SafeFileHandle file, Failure failure)
    {
        file.Dispose();
        return failure;
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Ftruncate(SafeFileHandle fd, long length);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int Fchmod(SafeFileHandle fd, uint mode);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Fcntl(SafeFileHandle fd, int command, int argument);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial SafeFileHandle FcntlDuplicate(SafeFileHandle fd, int command, int argument);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fallocate")]
    private static partial int Fallocate(SafeFileHandle fd, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "lseek")]
    private static partial long Lseek(SafeFileHandle fd, long offset, int whence);
}
