using System.Globalization;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Heaps;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <summary>
/// Buffers of a guest: allocation from heaps, fds, names, share tokens, lifetime.
/// Models: DMA_HEAP_IOCTL_ALLOC's checks in their order (S-HEAP-23), close, SET_NAME, fdinfo, SCM_RIGHTS as share tokens (S-BUF-90 to 93).
/// Does not model: the raw ioctl's size and direction rules (S-HEAP-20 to 22), sync files, poll.
/// </summary>
public sealed class GuestBuffers
{
    private const string AllocOperation = "DMA_HEAP_IOCTL_ALLOC";
    private const uint AccessModeBits = 3;
    private const uint CloseOnExecBit = 0x80000;
    private readonly Guest _guest;
    private readonly ShareTokenTable _tokens;
    private readonly Dictionary<string, Exporter> _exporters = new(StringComparer.Ordinal);

    internal GuestBuffers(Guest guest, TimeProvider time, GuestLimits limits)
    {
        _guest = guest;
        _tokens = new ShareTokenTable(time, limits.ShareTokens);
    }

    /// <summary>Live buffers.</summary>
    internal int Live { get; private set; }

    internal int TokensInFlight => _tokens.Count;

    /// <summary>DMA_HEAP_IOCTL_ALLOC on a heap's node.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="heapName">Node name; no such node: ENOENT.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="fdFlags">O_ACCMODE and O_CLOEXEC bits.</param>
    /// <param name="heapFlags">Per-heap flags.</param>
    /// <returns>EINVAL, EOPNOTSUPP, ENOMEM, EIO or EMFILE as S-HEAP-23, 31 and 40 say.</returns>
    public Result<BufferHandle> Allocate(GuestProcess process, string heapName, ulong length, uint fdFlags, ulong heapFlags)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            if (_guest.Heaps.Find(heapName) is not { } heap)
            {
                return NoHeap(heapName);
            }

            if (CheckArguments(heap, length, fdFlags, heapFlags) is { } wrong)
            {
                return wrong;
            }

            bool shared = heap.AlwaysShared || (heapFlags & Profiles.KernelProfile.HeapFlagDecrypted) != 0;
            if ((heapFlags & Profiles.KernelProfile.HeapFlagDecrypted) != 0 && !_guest.Dma.Environment.MemEncrypt)
            {
                return new Failure(Errno.EOPNOTSUPP, AllocOperation, "system_heap: check CC_ATTR_MEM_ENCRYPT",
                    $"Decrypted memory was asked for, but platform {_guest.Platform.Name} has no memory encryption (S-HEAP-40).", "heap_flags");
            }

            return AllocateChecked(process, heap, Memory.Page.AlignUp(length), fdFlags, shared);
        }
    }

    /// <summary>close of one fd (S-BUF-92).</summary>
    public Failure? Release(GuestProcess process, int fd) => _guest.Files.Close(process, fd);

    /// <summary>DMA_BUF_SET_NAME (S-BUF-70, 71).</summary>
    public Failure? SetName(GuestProcess process, int fd, string name)
    {
        lock (_guest.Gate)
        {
            Result<DmaBuf> buffer = Find(process, fd, "DMA_BUF_SET_NAME");
            return buffer.Ok ? buffer.Value.SetName(name) : buffer.Failure;
        }
    }

    /// <summary>What lseek, fdinfo and the scatter table tell.</summary>
    public Result<BufferStat> Stat(GuestProcess process, int fd)
    {
        lock (_guest.Gate)
        {
            Result<DmaBuf> found = Find(process, fd, "stat");
            if (!found.Ok)
            {
                return found.Failure;
            }

            DmaBuf buffer = found.Value;
            return new BufferStat(buffer.Size, buffer.Inode, buffer.Exporter.Name, buffer.Name, (ulong)buffer.References - 1, buffer.FdInfo(),
                buffer.Shared, buffer.Backing is not null, buffer.Chunks, [.. buffer.Attachments.Select(a => a.Device.Name)])
            {
                Conversions = buffer.ConversionCost,
            };
        }
    }

    /// <summary>Puts a reference in flight, as SCM_RIGHTS does. The token is single use and ends after its life.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">fd to share.</param>
    /// <param name="addressee">The only process that may import it; null: any of the guest.</param>
    /// <param name="life">How long it lives; zero: <see cref="GuestLimits.DefaultTokenLife"/>.</param>
    public Result<Handle128> Export(GuestProcess process, int fd, Handle128? addressee, TimeSpan life)
    {
        lock (_guest.Gate)
        {
            Result<DmaBuf> buffer = Find(process, fd, "export");
            return buffer.Ok ? PutInFlight(buffer.Value, addressee, life) : buffer.Failure;
        }
    }

    /// <summary>Puts a reference of any file in flight.</summary>
    internal Result<Handle128> PutInFlight(GuestFile file, Handle128? addressee, TimeSpan life)
    {
        if (life < TimeSpan.Zero || life > GuestLimits.LongestTokenLife)
        {
            return new Failure(Errno.EINVAL, "export", "check life", string.Create(CultureInfo.InvariantCulture,
                $"A token cannot live for {life.TotalSeconds} s; at most {GuestLimits.LongestTokenLife.TotalSeconds} s."),
                "expires_after_nanoseconds");
        }

        ExpireTokens();
        if (_tokens.IsFull)
        {
            return new Failure(Errno.ENOSPC, "export", "add token", $"{_tokens.Count} share tokens are in flight already.");
        }

        file.References++;
        Handle128 token = _guest.Secrets.Next();
        _tokens.Add(token, file, addressee, life == TimeSpan.Zero ? GuestLimits.DefaultTokenLife : life);
        return token;
    }

    /// <summary>Redeems a share token: a new fd on the same dma-buf (S-BUF-93).</summary>
    /// <returns>ENOENT for a token that is unknown, used, expired or addressed to another process; EMFILE (the token stays valid).</returns>
    public Result<BufferHandle> Import(GuestProcess process, Handle128 token)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            Result<int> fd = Receive<DmaBuf>(process, token);
            return fd.Ok ? HandleOf((DmaBuf)process.Fds.Find(fd.Value)!, fd.Value) : fd.Failure;
        }
    }

    /// <summary>Takes a file of one kind out of a message: a new fd on it; the token stays valid when that fails.</summary>
    internal Result<int> Receive<T>(GuestProcess process, Handle128 token)
        where T : GuestFile
    {
        ExpireTokens();
        if (_tokens.Find(token, process.Handle) is not T file)
        {
            return new Failure(Errno.ENOENT, "import", "look up token",
                "The share token is unknown, used, expired or addressed to another process.", "share_token");
        }

        Result<int> fd = GuestFiles.Install(process, file, closeOnExec: true, "import");
        if (fd.Ok)
        {
            _tokens.Remove(token);
            GuestFiles.Put(file);
        }

        return fd;
    }

    /// <summary>Drops the references of tokens whose life is over. Called by the server's timer and before each use of tokens.</summary>
    public void ExpireTokens()
    {
        lock (_guest.Gate)
        {
            while (_tokens.TakeExpired() is { } file)
            {
                GuestFiles.Put(file);
            }
        }
    }

    /// <summary>The buffer behind a fd: EBADF when it is not open, EINVAL when it is no dma-buf (S-BUF-40).</summary>
    internal Result<DmaBuf> Find(GuestProcess process, int fd, string operation, Errno otherKind = Errno.EINVAL) =>
        _guest.Files.Find<DmaBuf>(process, fd, operation, otherKind);

    /// <summary>dma_buf_export by a driver: a private buffer without references yet (S-BUF-01, 02).</summary>
    internal DmaBuf Export(Exporter exporter, ulong size, Chunk[] chunks, AccessMode access, SgEntry[]? segments,
        Fences.Reservation? fences = null)
    {
        Live++;
        return new DmaBuf(this, _guest.Files.NextInode(), exporter, size, chunks, access, shared: false, segments)
        {
            Fences = fences ?? new Fences.Reservation(),
        };
    }

    /// <summary>The last reference is gone: the exporter takes the memory back (S-BUF-91, S-SYS-26).</summary>
    internal void Released(DmaBuf buffer)
    {
        Live--;
        buffer.Exporter.Release(buffer);

        // After the conversions, which move the bytes by the platform's rule (S-PLAT-21) or leave them shared (S-SYS-29).
        if (buffer.Backing is { } backing)
        {
            _guest.Memory.RemoveBacking(backing, buffer.BackingSlot, buffer.Chunks);
            _guest.Observer?.MemoryRevoked(backing, "released");
        }

        _guest.NoteTermination();
    }

    /// <summary>Everything in flight ends with the guest.</summary>
    internal void DropTokens()
    {
        foreach (GuestFile file in _tokens.Clear())
        {
            GuestFiles.Put(file);
        }
    }

    private Result<BufferHandle> AllocateChecked(GuestProcess process, HeapInfo heap, ulong size, uint fdFlags, bool shared)
    {
        bool hostVisible = shared || !_guest.Platform.Encrypted;
        PageState.ConversionCounters before = _guest.Pages.Counters;
        Result<Chunk[]> chunks = heap.Kind == HeapKind.Cma ? _guest.CmaHeap.Allocate(size) : _guest.SystemHeap.Allocate(size, shared);
        if (!chunks.Ok)
        {
            _guest.NoteTermination();
            return chunks.Failure;
        }

        if (_guest.FaultPoints.Fails(Faults.FaultPoint.Failslab))
        {
            // S-SYS-08: a failed export frees and re-encrypts like a failed conversion.
            FreeUnexported(heap, chunks.Value, size, shared);
            return new Failure(Errno.ENOMEM, AllocOperation, "dma_buf_export", "No memory for the dma-buf.");
        }

        var access = (AccessMode)(fdFlags & AccessModeBits);
        var buffer = new DmaBuf(this, _guest.Files.NextInode(), ExporterOf(heap), size, chunks.Value, access, shared,
            heap.Kind == HeapKind.Cma ? [new SgEntry(chunks.Value[0].Address, size)] : null)
        {
            ConversionCost = _guest.Pages.Counters - before,
        };
        return InstallNew(process, buffer, fdFlags, hostVisible);
    }

    // The buffer exists, and somebody has an fd on it; or neither.
    private Result<BufferHandle> InstallNew(GuestProcess process, DmaBuf buffer, uint fdFlags, bool hostVisible)
    {
        if (hostVisible)
        {
            buffer.Backing = _guest.Memory.AddBacking(buffer.Chunks, buffer.Size, buffer.Access == AccessMode.ReadOnly, out int slot);
            buffer.BackingSlot = slot;
        }

        Live++;
        buffer.References = 1;
        Result<int> fd = GuestFiles.Install(process, buffer, (fdFlags & CloseOnExecBit) != 0, AllocOperation);

        // S-TRC-62: an export always shows; a fd line only where an fd was installed, else a put.
        _guest.Trace.Emit("dma_buf_export", buffer);
        _guest.Trace.Emit(fd.Ok ? "dma_buf_fd" : "dma_buf_put", buffer, fd.Ok ? fd.Value : null);

        // The maker's reference goes: to the fd, or with the buffer (S-HEAP-23 step 6).
        GuestFiles.Put(buffer);
        if (!fd.Ok)
        {
            return fd.Failure;
        }

        return HandleOf(buffer, fd.Value);
    }

    private void FreeUnexported(HeapInfo heap, Chunk[] chunks, ulong size, bool shared)
    {
        if (heap.Kind == HeapKind.Cma)
        {
            _guest.CmaHeap.Free(chunks[0].Frame, size);
            return;
        }

        _guest.SystemHeap.Free(chunks, shared);
        _guest.NoteTermination();
    }

    /// <summary>A buffer of an exporter that moves it; the frames are the caller's until then.</summary>
    internal Result<BufferHandle> ExportMovable(GuestProcess process, Exporter exporter, Chunk[] chunks, ulong size, uint fdFlags, bool hostVisible)
    {
        var access = (AccessMode)(fdFlags & AccessModeBits);
        return InstallNew(process, new DmaBuf(this, _guest.Files.NextInode(), exporter, size, chunks, access, shared: false), fdFlags, hostVisible);
    }

    // One exporter a node, made when first used: the registry knows names, the machine owns the memory.
    private Exporter ExporterOf(HeapInfo heap)
    {
        if (!_exporters.TryGetValue(heap.Name, out Exporter? exporter))
        {
            exporter = heap.Kind == HeapKind.Cma
                ? new CmaHeapExporter(heap.Name, _guest.CmaHeap)
                : new SystemHeapExporter(heap.Name, _guest.SystemHeap);
            _exporters.Add(heap.Name, exporter);
        }

        return exporter;
    }

    // S-HEAP-23 steps 2 to 4, in this order; step 1 (the fd field) is the raw ioctl's.
    private static Failure? CheckArguments(HeapInfo heap, ulong length, uint fdFlags, ulong heapFlags)
    {
        if ((fdFlags & ~(AccessModeBits | CloseOnExecBit)) != 0)
        {
            return Wrong("fd_flags", $"fd_flags 0x{fdFlags:x} has bits outside O_ACCMODE and O_CLOEXEC (S-HEAP-12).");
        }

        if ((heapFlags & ~heap.ValidHeapFlags) != 0)
        {
            return Wrong("heap_flags", $"heap_flags 0x{heapFlags:x} has bits outside 0x{heap.ValidHeapFlags:x}, all that heap {heap.Name} knows.");
        }

        return Memory.Page.AlignUp(length) == 0 ? Wrong("len", $"len {length} rounded up to pages is 0.") : null;
    }

    private static Failure Wrong(string field, string sentence) => new(Errno.EINVAL, AllocOperation, $"check {field}", sentence, field);

    private Failure NoHeap(string name) => new(Errno.ENOENT, "open", "look up /dev/dma_heap",
        $"There is no heap '{(name.Length <= 64 ? name : name[..64] + "…")}' in this guest (kernel {_guest.Kernel.Name}, platform "
        + $"{_guest.Platform.Name}); it has {string.Join(", ", _guest.Heaps.All.Select(h => h.Name))}.", "heap");

    private static BufferHandle HandleOf(DmaBuf buffer, int fd) => new(fd, buffer.Size, buffer.Inode, buffer.Backing is not null);
}
