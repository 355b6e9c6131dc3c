using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Buffers of a guest, whoever exports them: fds, names, share tokens, lifetime.
/// Models: export, close, SET_NAME, bufinfo. Does not model: where the memory comes from; heaps and drivers take it.
/// </summary>
public sealed partial class GuestBuffers
{
    /// <summary>What a new buffer's fd is asked for by.</summary>
    internal const string AllocOperation = "DMA_HEAP_IOCTL_ALLOC";
    internal const uint AccessModeBits = 3;
    internal const uint CloseOnExecBit = 0x80000;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestFiles _files;
    private readonly GuestFences _fences;
    private readonly BufferTrace _trace;
    private readonly LiveBuffers _live = new();

    internal GuestBuffers(GuestCore core, GuestFiles files, GuestFences fences, BufferTrace trace)
    {
        _core = core;
        _gate = core.Gate;
        _files = files;
        _fences = fences;
        _trace = trace;
    }

    /// <summary>Told when a CPU access that copied outside the lock is over: a move may have waited for it.</summary>
    internal Action<DmaBuf>? AccessEnded { get; set; }

    /// <summary>DMA_BUF_IOCTL_SYNC of a process' fd; the importers' room does it.</summary>
    internal Func<GuestProcess, int, ulong, Result<SyncOutcome>>? Sync { get; set; }

    /// <summary>The trace events of buffers.</summary>
    internal BufferTrace Trace => _trace;

    /// <summary>Live buffers.</summary>
    internal int Live => _live.Count;

    /// <summary>Text of debugfs bufinfo as the kernel prints it (S-BUF-101, 103).</summary>
    internal string BufInfo => BufInfoText.Of(_live.NewestFirst(), _core.Kernel.PseudoFileMode, b => b.Fences.Describe(_fences.Rules));

    /// <summary>Inode numbers of live buffers, newest first.</summary>
    internal IEnumerable<ulong> LiveInodes => _live.NewestFirst().Select(b => b.Inode);

    /// <summary>All live buffers, newest first.</summary>
    internal IEnumerable<DmaBuf> All => _live.NewestFirst();

    /// <summary>The live buffer with an inode number, or null.</summary>
    internal DmaBuf? FindLive(ulong inode) => _live.NewestFirst().FirstOrDefault(b => b.Inode == inode);

    /// <summary>close of one fd (S-BUF-92).</summary>
    public Failure? Release(GuestProcess process, int fd) => _files.Close(process, fd);

    /// <summary>DMA_BUF_SET_NAME (S-BUF-70, 71).</summary>
    public Failure? SetName(GuestProcess process, int fd, string name)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> buffer = Find(process, fd, "DMA_BUF_SET_NAME");
        return !buffer.Ok ? buffer.Failure
            : _core.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab)
                ? new Failure(Errno.ENOMEM, "DMA_BUF_SET_NAME", "copy name", "No memory for the name (S-BUF-71).")
            : buffer.Value.SetName(System.Text.Encoding.UTF8.GetBytes(name));
    }

    /// <summary>What lseek, fdinfo and the scatter table tell.</summary>
    public Result<BufferStat> Stat(GuestProcess process, int fd)
    {
        _core.Hooks.RefreshNatives?.Invoke();
        using Lock.Scope held = _gate.Hold();
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
            Conversions = buffer.ConversionCost.Counters,
        };
    }

    /// <summary>
    /// Puts a reference on a buffer in flight (<see cref="GuestFiles.Export(GuestProcess, int, Handle128?, TimeSpan)"/>).
    /// EINVAL for an fd on another kind of file.
    /// </summary>
    public Result<Handle128> Export(GuestProcess process, int fd, Handle128? addressee, TimeSpan life)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> buffer = Find(process, fd, "export");
        return buffer.Ok ? _files.Export(process, fd, addressee, life) : buffer.Failure;
    }

    /// <summary>Redeems a share token of a buffer: a new fd on the same dma-buf, close-on-exec (S-BUF-93).</summary>
    /// <returns>As <see cref="GuestFiles.Import"/>; EINVAL for a token of another kind of file.</returns>
    public Result<BufferHandle> Import(GuestProcess process, Handle128 token)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> shared = _files.Peek(process, token);
        if (!shared.Ok)
        {
            return shared.Failure;
        }

        if (shared.Value is not DmaBuf buffer)
        {
            return new Failure(Errno.EINVAL, "import", "check file",
                $"The token stands for a {shared.Value.Kind}, not for a dma-buf.", "share_token");
        }

        Result<int> fd = _files.Import(process, token, closeOnExec: true);
        return fd.Ok ? HandleOf(buffer, fd.Value) : fd.Failure;
    }

    /// <summary>Drops the references of tokens whose life is over.</summary>
    public void ExpireTokens() => _files.ExpireTokens();

    /// <summary>The buffer behind a fd: EBADF when it is not open, EINVAL when it is no dma-buf (S-BUF-40).</summary>
    internal Result<DmaBuf> Find(GuestProcess process, int fd, string operation, Errno otherKind = Errno.EINVAL) =>
        _files.Find<DmaBuf>(process, fd, operation, otherKind);

    /// <summary>dma_buf_export by a driver: a private buffer without references yet (S-BUF-01, 02).</summary>
    internal DmaBuf Export(Exporter exporter, ulong size, Chunk[] chunks, AccessMode access, SgEntry[]? segments,
        Fences.Reservation? fences = null)
    {
        var buffer = new DmaBuf(this, _files.NextInode(), exporter, size, chunks, access, shared: false, segments)
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
        buffer.TakeBack(_core.Memory);
        buffer.Exporter.Release(buffer);

        // After the conversions, which move the bytes by the platform's rule (S-PLAT-21) or leave them shared (S-SYS-29).
        if (buffer.Backing is { } backing)
        {
            _core.Memory.RemoveBacking(backing, buffer.BackingSlot, buffer.Chunks);
            _core.Hooks.MemoryRevoked?.Invoke(backing, "released");
        }

        _core.NoteTermination();
    }

    /// <summary>A new buffer exists, and somebody has an fd on it; or neither.</summary>
    /// <returns>EMFILE.</returns>
    internal Result<BufferHandle> Install(GuestProcess process, DmaBuf buffer, uint fdFlags, bool hostVisible)
    {
        if (hostVisible)
        {
            buffer.Backing = _core.Memory.AddBacking(buffer.Chunks, buffer.Size, buffer.Access == AccessMode.ReadOnly, out int slot);
            buffer.BackingSlot = slot;
        }

        _live.Add(buffer);
        buffer.References = 1;
        Result<int> fd = GuestFiles.Install(process, buffer, (fdFlags & CloseOnExecBit) != 0, AllocOperation);

        // S-TRC-62: an export always shows; a fd line only where an fd was installed, else a put.
        _trace.Emit("dma_buf_export", buffer);
        _trace.Emit(fd.Ok ? "dma_buf_fd" : "dma_buf_put", buffer, fd.Ok ? fd.Value : null);

        // The maker's reference goes: to the fd, or with the buffer (S-HEAP-23 step 6).
        GuestFiles.Put(buffer);
        if (!fd.Ok)
        {
            return fd.Failure;
        }

        return HandleOf(buffer, fd.Value);
    }

    /// <summary>A buffer of an exporter that moves it; the frames are the caller's until then.</summary>
    internal Result<BufferHandle> ExportMovable(
        GuestProcess process, Exporter exporter, Chunk[] chunks, ulong size, uint fdFlags, bool hostVisible)
    {
        var access = (AccessMode)(fdFlags & AccessModeBits);
        return Install(process, new DmaBuf(this, _files.NextInode(), exporter, size, chunks, access, shared: false), fdFlags, hostVisible);
    }

    private static BufferHandle HandleOf(DmaBuf buffer, int fd) => new(fd, buffer.Size, buffer.Inode, buffer.Backing is not null);
}
