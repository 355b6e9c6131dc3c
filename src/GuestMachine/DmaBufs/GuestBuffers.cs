using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Heaps;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Buffers of a guest: allocation from heaps, fds, names, share tokens, lifetime.
/// Models: DMA_HEAP_IOCTL_ALLOC's checks in their order (S-HEAP-23), the OOM kill, close, SET_NAME, bufinfo. The raw ioctl around it is
/// <c>HeapIoctl</c>'s.
/// </summary>
public sealed class GuestBuffers
{
    private const string AllocOperation = "DMA_HEAP_IOCTL_ALLOC";
    private const uint AccessModeBits = 3;
    private const uint CloseOnExecBit = 0x80000;
    private readonly Guest _guest;
    private readonly LiveBuffers _live = new();

    internal GuestBuffers(Guest guest) => _guest = guest;

    /// <summary>Live buffers.</summary>
    internal int Live => _live.Count;

    /// <summary>Text of debugfs bufinfo as the kernel prints it (S-BUF-101, 103).</summary>
    internal string BufInfo => BufInfoText.Of(_live.NewestFirst(), _guest.Kernel.PseudoFileMode, b => b.Fences.Describe(_guest.Fences.Rules));

    /// <summary>Inode numbers of live buffers, newest first.</summary>
    internal IEnumerable<ulong> LiveInodes => _live.NewestFirst().Select(b => b.Inode);

    /// <summary>All live buffers, newest first.</summary>
    internal IEnumerable<DmaBuf> All => _live.NewestFirst();

    /// <summary>The live buffer with an inode number, or null.</summary>
    internal DmaBuf? FindLive(ulong inode) => _live.NewestFirst().FirstOrDefault(b => b.Inode == inode);

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

            return _guest.Heaps.Registry.Find(heapName) is { } heap ? AllocateFrom(heap, process, length, fdFlags, heapFlags) : NoHeap(heapName);
        }
    }

    /// <summary>The allocation handler's steps 2 to 6 (S-HEAP-23), under the lock.</summary>
    internal Result<BufferHandle> AllocateFrom(HeapNode node, GuestProcess process, ulong length, uint fdFlags, ulong heapFlags)
    {
        HeapInfo heap = node.Info;
        if (CheckArguments(heap, length, fdFlags, heapFlags) is { } wrong)
        {
            return wrong;
        }

        bool shared = heap.AlwaysShared || (heapFlags & Profiles.KernelProfile.HeapFlagDecrypted) != 0;
        return (heapFlags & Profiles.KernelProfile.HeapFlagDecrypted) != 0 && !_guest.Dma.Environment.MemEncrypt
            ? new Failure(Errno.EOPNOTSUPP, AllocOperation, "system_heap: check CC_ATTR_MEM_ENCRYPT",
                $"Decrypted memory was asked for, but platform {_guest.Platform.Name} has no memory encryption (S-HEAP-40).", "heap_flags")
            : AllocateChecked(process, node, Memory.Frames.Page.AlignUp(length), fdFlags, shared);
    }

    /// <summary>close of one fd (S-BUF-92).</summary>
    public Failure? Release(GuestProcess process, int fd) => _guest.Files.Close(process, fd);

    /// <summary>DMA_BUF_SET_NAME (S-BUF-70, 71).</summary>
    public Failure? SetName(GuestProcess process, int fd, string name)
    {
        lock (_guest.Gate)
        {
            Result<DmaBuf> buffer = Find(process, fd, "DMA_BUF_SET_NAME");
            return !buffer.Ok ? buffer.Failure
                : _guest.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab)
                    ? new Failure(Errno.ENOMEM, "DMA_BUF_SET_NAME", "copy name", "No memory for the name (S-BUF-71).")
                : buffer.Value.SetName(System.Text.Encoding.UTF8.GetBytes(name));
        }
    }

    /// <summary>What lseek, fdinfo and the scatter table tell.</summary>
    public Result<BufferStat> Stat(GuestProcess process, int fd)
    {
        _guest.Natives.Refresh();
        lock (_guest.Gate)
        {
            Result<DmaBuf> found = Find(process, fd, "stat");
            if (!found.Ok)
            {
                return found.Failure;
            }

            DmaBuf buffer = found.Value;
            return new BufferStat(buffer.Size, buffer.Inode, buffer.Exporter.Name, buffer.Name, (ulong)buffer.VisibleReferences,
                System.Text.Encoding.UTF8.GetString(System.Text.Encoding.Latin1.GetBytes(buffer.FdInfoLines)),
                buffer.Shared, buffer.Backing is not null, buffer.Chunks, [.. buffer.Attachments.Select(a => a.Device.Name)])
            {
                Conversions = buffer.ConversionCost,
            };
        }
    }

    /// <summary>Puts a reference on a buffer in flight (<see cref="GuestFiles.Export(GuestProcess, int, Handle128?, TimeSpan)"/>). EINVAL for an fd on another kind of file.</summary>
    public Result<Handle128> Export(GuestProcess process, int fd, Handle128? addressee, TimeSpan life)
    {
        lock (_guest.Gate)
        {
            Result<DmaBuf> buffer = Find(process, fd, "export");
            return buffer.Ok ? _guest.Files.Export(process, fd, addressee, life) : buffer.Failure;
        }
    }

    /// <summary>Redeems a share token of a buffer: a new fd on the same dma-buf, close-on-exec (S-BUF-93).</summary>
    /// <returns>As <see cref="GuestFiles.Import"/>; EINVAL for a token of another kind of file.</returns>
    public Result<BufferHandle> Import(GuestProcess process, Handle128 token)
    {
        lock (_guest.Gate)
        {
            Result<GuestFile> shared = _guest.Files.Peek(process, token);
            if (!shared.Ok)
            {
                return shared.Failure;
            }

            if (shared.Value is not DmaBuf buffer)
            {
                return new Failure(Errno.EINVAL, "import", "check file", $"The token stands for a {shared.Value.Kind}, not for a dma-buf.", "share_token");
            }

            Result<int> fd = _guest.Files.Import(process, token, closeOnExec: true);
            return fd.Ok ? HandleOf(buffer, fd.Value) : fd.Failure;
        }
    }

    /// <summary>Drops the references of tokens whose life is over.</summary>
    public void ExpireTokens() => _guest.Files.ExpireTokens();

    /// <summary>The buffer behind a fd: EBADF when it is not open, EINVAL when it is no dma-buf (S-BUF-40).</summary>
    internal Result<DmaBuf> Find(GuestProcess process, int fd, string operation, Errno otherKind = Errno.EINVAL) =>
        _guest.Files.Find<DmaBuf>(process, fd, operation, otherKind);

    /// <summary>dma_buf_export by a driver: a private buffer without references yet (S-BUF-01, 02).</summary>
    internal DmaBuf Export(Exporter exporter, ulong size, Chunk[] chunks, AccessMode access, SgEntry[]? segments,
        Fences.Reservation? fences = null)
    {
        var buffer = new DmaBuf(this, _guest.Files.NextInode(), exporter, size, chunks, access, shared: false, segments)
        {
            Fences = fences ?? new Fences.Reservation(),
        };
        _live.Add(buffer);
        return buffer;
    }

    /// <summary>The last reference is gone: the exporter takes the memory back (S-BUF-91, S-SYS-26).</summary>
    internal void Released(DmaBuf buffer)
    {
        _live.Remove(buffer);
        _guest.Natives.TakeBack(buffer);
        buffer.Exporter.Release(buffer);

        // After the conversions, which move the bytes by the platform's rule (S-PLAT-21) or leave them shared (S-SYS-29).
        if (buffer.Backing is { } backing)
        {
            _guest.Memory.RemoveBacking(backing, buffer.BackingSlot, buffer.Chunks);
            _guest.Observer?.MemoryRevoked(backing, "released");
        }

        _guest.NoteTermination();
    }

    private Result<BufferHandle> AllocateChecked(GuestProcess process, HeapNode node, ulong size, uint fdFlags, bool shared)
    {
        HeapKind kind = node.Info.Kind;
        bool hostVisible = kind != HeapKind.Tee && (shared || !_guest.Platform.Encrypted);
        MemoryCgroup? owner = kind == HeapKind.System && _guest.Shape.MemAccounting ? process.Cgroup : null;
        PageState.ConversionCounters before = _guest.Pages.Counters;
        Result<Chunk[]> chunks = TakeMemory(node, process, size, shared, owner);
        if (!chunks.Ok)
        {
            _guest.NoteTermination();
            return chunks.Failure;
        }

        if (_guest.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab))
        {
            // S-SYS-08: a failed export frees and re-encrypts like a failed conversion.
            node.Heap.Free(chunks.Value, size, shared, owner);
            _guest.NoteTermination();
            return new Failure(Errno.ENOMEM, AllocOperation, "dma_buf_export", "No memory for the dma-buf.");
        }

        if (_guest.Kernel.HasBufferStatistics)
        {
            // S-BUF-104: the message about the new entry may get lost, which nobody notices.
            _ = _guest.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab);
        }

        var access = (AccessMode)(fdFlags & AccessModeBits);
        var buffer = new DmaBuf(
            this, _guest.Files.NextInode(), node.Exporter, size, chunks.Value, access, shared, node.Heap.TableOf(chunks.Value, size))
        {
            ChargedTo = owner,
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

        _live.Add(buffer);
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

    // Out of pages: the kernel kills the process that asked to go first, and the allocation goes on with what that freed.
    private Result<Chunk[]> TakeMemory(HeapNode node, GuestProcess process, ulong size, bool shared, MemoryCgroup? owner)
    {
        while (true)
        {
            Result<Chunk[]> chunks = node.Heap.Allocate(size, shared, owner);
            if (chunks.Ok || node.Info.Kind != HeapKind.System || !_guest.SystemHeap.RanOut || _guest.Processes.OomVictim(process) is not { } victim)
            {
                return chunks;
            }

            _guest.Processes.Kill(victim, GuestProcesses.SignalKill);
            if (ReferenceEquals(victim, process))
            {
                return new Failure(Errno.EINTR, AllocOperation, "allocate pages",
                    $"Memory ran out and process {process.Pid} was killed (S-SYS-07).", "len");
            }
        }
    }

    /// <summary>A buffer of an exporter that moves it; the frames are the caller's until then.</summary>
    internal Result<BufferHandle> ExportMovable(GuestProcess process, Exporter exporter, Chunk[] chunks, ulong size, uint fdFlags, bool hostVisible)
    {
        var access = (AccessMode)(fdFlags & AccessModeBits);
        return InstallNew(process, new DmaBuf(this, _guest.Files.NextInode(), exporter, size, chunks, access, shared: false), fdFlags, hostVisible);
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

        return Memory.Frames.Page.AlignUp(length) == 0 ? Wrong("len", $"len {length} rounded up to pages is 0.") : null;
    }

    private static Failure Wrong(string field, string sentence) => new(Errno.EINVAL, AllocOperation, $"check {field}", sentence, field);

    private Failure NoHeap(string name) => new(Errno.ENOENT, "open", "look up /dev/dma_heap",
        $"There is no heap '{(name.Length <= 64 ? name : name[..64] + "…")}' in this guest (kernel {_guest.Kernel.Name}, platform "
        + $"{_guest.Platform.Name}); it has {string.Join(", ", _guest.Heaps.Nodes.Select(h => h.Name))}.", "heap");

    private static BufferHandle HandleOf(DmaBuf buffer, int fd) => new(fd, buffer.Size, buffer.Inode, buffer.Backing is not null);
}
