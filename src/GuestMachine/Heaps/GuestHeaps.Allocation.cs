using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Heaps;

/// <content>
/// DMA_HEAP_IOCTL_ALLOC: its checks in their order (S-HEAP-23), and the OOM kill. The raw ioctl around it is <see cref="HeapIoctl"/>'s.
/// </content>
public sealed partial class GuestHeaps
{
    /// <summary>DMA_HEAP_IOCTL_ALLOC on a heap's node.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="heapName">Node name; no such node: ENOENT.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="fdFlags">O_ACCMODE and O_CLOEXEC bits.</param>
    /// <param name="heapFlags">Per-heap flags.</param>
    /// <returns>EINVAL, EOPNOTSUPP, ENOMEM, EIO or EMFILE as S-HEAP-23, 31 and 40 say.</returns>
    public Result<BufferHandle> Allocate(GuestProcess process, string heapName, ulong length, uint fdFlags, ulong heapFlags)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        return Registry.Find(heapName) is { } heap ? AllocateFrom(heap, process, length, fdFlags, heapFlags) : NoHeap(heapName);
    }

    /// <summary>The allocation handler's steps 2 to 6 (S-HEAP-23), under the lock.</summary>
    internal Result<BufferHandle> AllocateFrom(HeapNode node, GuestProcess process, ulong length, uint fdFlags, ulong heapFlags)
    {
        HeapInfo heap = node.Info;
        if (CheckArguments(heap, length, fdFlags, heapFlags) is { } wrong)
        {
            return wrong;
        }

        bool shared = heap.AlwaysShared || (heapFlags & KernelProfile.HeapFlagDecrypted) != 0;
        return (heapFlags & KernelProfile.HeapFlagDecrypted) != 0 && !_core.Dma.Environment.MemEncrypt
            ? new Failure(Errno.EOPNOTSUPP, GuestBuffers.AllocOperation, "system_heap: check CC_ATTR_MEM_ENCRYPT",
                $"Decrypted memory was asked for, but platform {_core.Platform.Name} has no memory encryption (S-HEAP-40).", "heap_flags")
            : AllocateChecked(process, node, Page.AlignUp(length), fdFlags, shared);
    }

    private Result<BufferHandle> AllocateChecked(GuestProcess process, HeapNode node, ulong size, uint fdFlags, bool shared)
    {
        HeapKind kind = node.Info.Kind;
        bool hostVisible = kind != HeapKind.Tee && (shared || !_core.Platform.Encrypted);
        MemoryCgroup? owner = kind == HeapKind.System && _core.Shape.MemAccounting ? process.Cgroup : null;
        ConversionCounters before = _core.Pages.Counters;
        Result<Chunk[]> chunks = TakeMemory(node, process, size, shared, owner);
        if (!chunks.Ok)
        {
            _core.NoteTermination();
            return chunks.Failure;
        }

        if (_core.FaultPoints.Fails(FaultPoint.Failslab))
        {
            // S-SYS-08: a failed export frees and re-encrypts like a failed conversion.
            node.Heap.Free(chunks.Value, size, shared, owner);
            _core.NoteTermination();
            return new Failure(Errno.ENOMEM, GuestBuffers.AllocOperation, "dma_buf_export", "No memory for the dma-buf.");
        }

        if (_core.Kernel.HasBufferStatistics)
        {
            // S-BUF-104: the message about the new entry may get lost, which nobody notices.
            _ = _core.FaultPoints.Fails(FaultPoint.Failslab);
        }

        var access = (AccessMode)(fdFlags & GuestBuffers.AccessModeBits);
        var buffer = new DmaBuf(
            _buffers, _files.NextInode(), node.Exporter, size, chunks.Value, access, shared, node.Heap.TableOf(chunks.Value, size))
        {
            ChargedTo = owner,
            ConversionCost = _latestCost = _latestCost.For(_core.Pages.Counters - before),
        };
        return _buffers.Install(process, buffer, fdFlags, hostVisible);
    }

    // Out of pages: the kernel kills the process that asked to go first, and the allocation goes on with what that freed.
    private Result<Chunk[]> TakeMemory(HeapNode node, GuestProcess process, ulong size, bool shared, MemoryCgroup? owner)
    {
        while (true)
        {
            Result<Chunk[]> chunks = node.Heap.Allocate(size, shared, owner);
            if (chunks.Ok || node.Info.Kind != HeapKind.System || !_system.RanOut
                || _core.Hooks.KillForMemory?.Invoke(process) is not { } victim)
            {
                return chunks;
            }

            if (ReferenceEquals(victim, process))
            {
                return new Failure(Errno.EINTR, GuestBuffers.AllocOperation, "allocate pages",
                    $"Memory ran out and process {process.Pid} was killed (S-SYS-07).", "len");
            }
        }
    }

    // S-HEAP-23 steps 2 to 4, in this order; step 1 (the fd field) is the raw ioctl's.
    private static Failure? CheckArguments(HeapInfo heap, ulong length, uint fdFlags, ulong heapFlags)
    {
        if ((fdFlags & ~(GuestBuffers.AccessModeBits | GuestBuffers.CloseOnExecBit)) != 0)
        {
            return Wrong("fd_flags", $"fd_flags 0x{fdFlags:x} has bits outside O_ACCMODE and O_CLOEXEC (S-HEAP-12).");
        }

        if ((heapFlags & ~heap.ValidHeapFlags) != 0)
        {
            return Wrong("heap_flags",
                $"heap_flags 0x{heapFlags:x} has bits outside 0x{heap.ValidHeapFlags:x}, all that heap {heap.Name} knows.");
        }

        return Page.AlignUp(length) == 0 ? Wrong("len", $"len {length} rounded up to pages is 0.") : null;
    }

    private static Failure Wrong(string field, string sentence) =>
        new(Errno.EINVAL, GuestBuffers.AllocOperation, $"check {field}", sentence, field);

    private Failure NoHeap(string name) => new(Errno.ENOENT, "open", "look up /dev/dma_heap",
        $"There is no heap '{(name.Length <= 64 ? name : name[..64] + "…")}' in this guest (kernel {_core.Kernel.Name}, platform "
        + $"{_core.Platform.Name}); it has {string.Join(", ", Nodes.Select(h => h.Name))}.", "heap");

    /// <summary>An ioctl on a heap's node.</summary>
    internal Result<IoctlOutcome> Ioctl(IoctlCall call, HeapNode node)
    {
        Result<long> done = new HeapIoctl(_core, this, call, node).Run(new IoctlCommand(call.Command), call.Argument);
        return done.Ok ? new IoctlOutcome(done.Value) : done.Failure;
    }
}
