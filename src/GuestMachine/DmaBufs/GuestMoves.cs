using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Buffers of an exporter that moves them: what dynamic importers have to live with.
/// Models: allocation, invalidation (S-BUF-56), pins that forbid a move (S-BUF-50, 55), a KERNEL fence while the buffer moves (S-RESV-01).
/// Does not model: why a driver moves a buffer (memory pressure, placement); a call asks for it.
/// Such an exporter without a device is an extension.
/// </summary>
/// <remarks>
/// <para>A move: (1) new frames are taken and a KERNEL fence is put into the reservation; (2) every mapped dynamic importer is told, newest
/// attachment first; one that has no callback is cut off at once; (3) when all have unmapped, all fences that were there at the start have
/// signalled and no CPU access is under way, the bytes move, the old frames are freed, the KERNEL fence signals. Until then map, pin and
/// vmap answer EBUSY.</para>
/// <para>At the deadline importers that have not unmapped are cut off (<see cref="Revoked"/>, ETIMEDOUT): their mapping
/// goes, a memory fd that they may hold reads zeros, and they cannot map again. Fences that have not signalled stop the move: nothing
/// moved, and the KERNEL fence signals with ETIMEDOUT.</para>
/// </remarks>
public sealed class GuestMoves
{
    /// <summary>Guest time that importers get if the call does not say.</summary>
    public static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(5);

    private const string Operation = "migrate_buffer";
    private const uint FdFlagBits = 0x80003;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestFences _fences;
    private readonly GuestBuffers _buffers;
    private readonly GuestImporters _importers;
    private readonly IChunkSource _source;
    private readonly MovableExporter _exporter;

    internal GuestMoves(GuestCore core, GuestFences fences, GuestBuffers buffers, GuestImporters importers, IChunkSource source)
    {
        _core = core;
        _gate = core.Gate;
        _fences = fences;
        _buffers = buffers;
        _importers = importers;
        _source = source;
        _exporter = new MovableExporter(source);
        buffers.AccessEnded = Settle;
        importers.Unmapped = LetGo;
    }

    /// <summary>A dynamic importer has to unmap: the importer, its attachment, the guest time that it has for that.</summary>
    internal Action<GuestProcess, ulong, TimeSpan>? Invalidated { get; set; }

    /// <summary>An importer was cut off from a buffer that moved: the importer, its attachment, and why.</summary>
    internal Action<GuestProcess, ulong, Errno>? Revoked { get; set; }

    /// <summary>Allocates a movable buffer of private memory.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="fdFlags">O_ACCMODE and O_CLOEXEC bits.</param>
    /// <returns>EINVAL for length 0 or unknown flags, ENOMEM, EMFILE.</returns>
    public Result<BufferHandle> Allocate(GuestProcess process, ulong length, uint fdFlags)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        ulong size = Page.AlignUp(length);
        if (size == 0 || (fdFlags & ~FdFlagBits) != 0)
        {
            return size == 0
                ? new Failure(Errno.EINVAL, "allocate_movable", "check len", $"len {length} rounded up to pages is 0.", "len")
                : new Failure(Errno.EINVAL, "allocate_movable", "check fd_flags",
                    $"fd_flags 0x{fdFlags:x} have bits outside O_ACCMODE and O_CLOEXEC.", "fd_flags");
        }

        Result<Chunk[]> chunks = _source.Allocate(size, shared: false, owner: null);
        return chunks.Ok
            ? _buffers.ExportMovable(process, _exporter, chunks.Value, size, fdFlags, hostVisible: !_core.Platform.Encrypted)
            : chunks.Failure;
    }

    /// <summary>Moves a buffer to other frames.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">fd of the buffer.</param>
    /// <param name="patience">Guest time that importers have to unmap; zero: <see cref="DefaultPatience"/>.</param>
    /// <returns>
    /// Null when it has moved already, else what to wait for. EBADF; EINVAL for a fd that is no dma-buf or a patience outside
    /// 0 to <see cref="GuestFences.LongestWait"/>; EOPNOTSUPP when the exporter does not move buffers; EBUSY when it is pinned (static
    /// mappings pin), vmapped or moving; ENOMEM.
    /// </returns>
    public Result<FenceWait?> Migrate(GuestProcess process, int fd, TimeSpan patience)
    {
        using Lock.Scope held = _gate.Hold();
        _fences.Deadlines.RunDue();
        Result<DmaBuf> found = _buffers.Find(process, fd, Operation);
        if (!found.Ok)
        {
            return found.Failure;
        }

        if (Check(found.Value, patience) is { } refused)
        {
            return refused;
        }

        Result<Chunk[]> target = _source.Allocate(found.Value.Size, shared: false, owner: null);
        if (!target.Ok)
        {
            return target.Failure;
        }

        Fence fence = Start(found.Value, target.Value, patience == TimeSpan.Zero ? DefaultPatience : patience);
        return _fences.Waits.ForAll(process, Operation, [fence], GuestFences.LongestWait, failure => failure ?? OutcomeOf(fence));
    }

    /// <summary>An importer unmapped.</summary>
    internal void LetGo(Attachment attachment)
    {
        if (attachment.Buffer.Move?.Importers.Remove(attachment) == true)
        {
            Settle(attachment.Buffer);
        }
    }

    /// <summary>Something that a move waits for may be over.</summary>
    internal void Settle(DmaBuf buffer)
    {
        if (buffer.Move is { Free: true } move && buffer.Accesses == 0)
        {
            Finish(buffer, move);
        }
    }

    private static Failure? OutcomeOf(Fence fence) => fence.Error == Errno.None
        ? null
        : new Failure(fence.Error, Operation, "wait for fences", "Fences of the buffer did not signal in time; nothing moved.");

    private static Failure? Check(DmaBuf buffer, TimeSpan patience)
    {
        if (patience < TimeSpan.Zero || patience > GuestFences.LongestWait)
        {
            return new Failure(Errno.EINVAL, Operation, "check patience", string.Create(CultureInfo.InvariantCulture,
                $"Importers cannot get {patience.TotalSeconds} s; at most {GuestFences.LongestWait.TotalSeconds} s."),
                "patience_nanoseconds");
        }

        if (!buffer.Exporter.Traits.Movable)
        {
            return new Failure(Errno.EOPNOTSUPP, Operation, "look up op",
                $"Exporter {buffer.Exporter.Name} never moves a buffer (S-SYS-51).", "fd");
        }

        return buffer.Pins != 0 || buffer.Vmaps != 0 || buffer.Move is not null
            ? new Failure(Errno.EBUSY, Operation, "check pins", buffer.Move is not null
                ? "The buffer is moving already."
                : $"The buffer has {buffer.Pins} pins and {buffer.Vmaps} kernel mappings (S-BUF-50, 55).", "fd")
            : null;
    }

    private Fence Start(DmaBuf buffer, Chunk[] target, TimeSpan patience)
    {
        var fence = new Fence(_fences.NextContext(), 1, MovableExporter.ExporterName, "migrate");
        Fence[] pending = buffer.Fences.PendingOf(FenceUsage.Bookkeep);
        Attachment[] mapped = [.. buffer.Attachments.Where(a => a.Live)];
        buffer.Fences.Reserve(1);
        buffer.Fences.Add(fence, FenceUsage.Kernel);
        buffer.References++;
        var move = new BufferMove(fence, target, mapped.Where(a => a.Ops == ImporterOps.WithInvalidate), pending);
        buffer.Move = move;
        move.Deadline = _fences.Deadlines.Add(patience, () => OutOfPatience(buffer, move));
        foreach (Fence waited in pending)
        {
            waited.OnSignal(() => Settle(buffer));
        }

        foreach (Attachment attachment in mapped)
        {
            if (attachment.Ops == ImporterOps.WithInvalidate)
            {
                Invalidated?.Invoke(attachment.Owner, attachment.Id, patience);
                continue;
            }

            CutOff(attachment, move, Errno.EOPNOTSUPP);
        }

        Settle(buffer);
        return fence;
    }

    private void CutOff(Attachment attachment, BufferMove move, Errno reason)
    {
        move.CutOff |= attachment.Buffer.Backing is not null && !attachment.GuestDevice.Spec.Mediated;
        _importers.Revoke(attachment);
        Revoked?.Invoke(attachment.Owner, attachment.Id, reason);
    }

    private void OutOfPatience(DmaBuf buffer, BufferMove move)
    {
        if (move.Fences.Any(f => !f.Signalled))
        {
            _source.Free(move.Target, buffer.Size, shared: false, owner: null);
            End(buffer, move, Errno.ETIMEDOUT);
            return;
        }

        foreach (Attachment attachment in move.Importers.ToArray())
        {
            CutOff(attachment, move, Errno.ETIMEDOUT);
        }
    }

    private void Finish(DmaBuf buffer, BufferMove move)
    {
        int slot = buffer.BackingSlot;
        VisibleBacking? old = buffer.Backing;
        Chunk[] source = buffer.Chunks;
        if (buffer.PrivateBacking is { } before)
        {
            _core.Memory.Detach(before);
        }

        buffer.Backing = _core.Memory.MoveBuffer(old, ref slot, source, move.Target, move.CutOff);
        buffer.BackingSlot = slot;
        if (buffer.PrivateBacking is { } after)
        {
            _core.Memory.Attach(after, move.Target, _core.Pages.IsShared);
        }

        if (old is not null && !ReferenceEquals(old, buffer.Backing))
        {
            _core.Hooks.MemoryRevoked?.Invoke(old, "moved");
        }

        buffer.MoveTo(move.Target);
        _source.Free(source, buffer.Size, shared: false, owner: null);
        End(buffer, move, Errno.None);
    }

    private void End(DmaBuf buffer, BufferMove move, Errno error)
    {
        buffer.Move = null;
        _fences.Deadlines.Remove(move.Deadline);
        move.Fence.Signal(_fences.Deadlines.Now, error);
        GuestFiles.Put(buffer);
    }
}
