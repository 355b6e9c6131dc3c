using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Processes;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// Calls on ranges of memory in which a mapping of an emulated file lies: with --strict, and advice that takes pages away always. A
/// memfd's pages can be pinned, and read by other processes, punched out, and its mapping can grow; a dma-buf's pages are mapped by
/// page-frame number, which allows none of this (S-BUF-36, 37, S-PIN-02). The machine says what a call answers; where it allows the call,
/// the host's kernel makes it.
/// </summary>
internal sealed class RangeCalls(HandlerContext context, Mirror mirror)
{
    private const ulong MostResident = 1UL << 32;
    private const uint SyncFlag = 4;
    private const uint MayMove = 1;
    private const uint FixedPlace = 2;
    private const int VectorBytes = 16;
    private const int MostVectors = 1024;

    // The advice that the machine has words for; what is not here the host's kernel answers.
    private static readonly string?[] Advice =
    [
        "NORMAL", "RANDOM", "SEQUENTIAL", "WILLNEED", "DONTNEED", null, null, null, "FREE", "REMOVE",
        "DONTFORK", "DOFORK", "MERGEABLE", "UNMERGEABLE",
        "HUGEPAGE", "NOHUGEPAGE", "DONTDUMP", "DODUMP", "WIPEONFORK", "KEEPONFORK", "COLD", "PAGEOUT", "POPULATE_READ", "POPULATE_WRITE",
        "DONTNEED_LOCKED", "COLLAPSE",
    ];

    // Those of another range of numbers.
    private static readonly Dictionary<uint, string> FarAdvice = new()
    {
        [100] = "HWPOISON",
        [101] = "SOFT_OFFLINE",
        [102] = "GUARD_INSTALL",
        [103] = "GUARD_REMOVE",
    };

    /// <summary>mprotect.</summary>
    public void Protect(StoppedCall call) => OnRange(call, call[0], call[1], process =>
        context.Guest.Mappings.Mprotect(process, call[0], call[1], (MapProtection)call.Int(2)));

    /// <summary>madvise. Advice that takes pages away is stopped without --strict, too: it would take the buffer's bytes.</summary>
    public void Advise(StoppedCall call)
    {
        if ((call.UInt(2) < Advice.Length ? Advice[call.Int(2)] : FarAdvice.GetValueOrDefault(call.UInt(2))) is { } advice)
        {
            OnRange(call, call[0], call[1], process => context.Guest.Mappings.Madvise(process, call[0], call[1], advice));
        }
        else
        {
            call.Continue();
        }
    }

    /// <summary>msync.</summary>
    public void Sync(StoppedCall call) => OnRange(call, call[0], call[1], process =>
        context.Guest.Mappings.Msync(process, call[0], call[1], (call.UInt(2) & SyncFlag) != 0));

    /// <summary>
    /// mincore: a dma-buf's pages are resident or not by the kernel's version (S-REC-53), a memfd's when they were touched.
    /// </summary>
    public void Resident(StoppedCall call)
    {
        int pid = context.Processes.PidOf(call.Tid);
        if (context.Files.All.Count == 0 || call[1] > MostResident || !mirror.IsMapped(pid, call[0], call[0] + call[1])
            || context.Processes.Of(call.Tid) is not { Ok: true } process)
        {
            call.Continue();
            return;
        }

        mirror.Refresh(pid);
        Result<bool[]> pages = context.Guest.Mappings.Mincore(process.Value.Machine, call[0], call[1]);
        if (!pages.Ok)
        {
            call.Continue(); // a range that has other mappings, too
            return;
        }

        byte[] bytes = Array.ConvertAll(pages.Value, resident => (byte)(resident ? 1 : 0));
        call.EndWith(call[2], bytes);
    }

    /// <summary>mremap.</summary>
    public void Remap(StoppedCall call) => OnRange(call, call[0], Math.Max(call[1], 1), process => context.Guest.Mappings.Mremap(
        process, call[0], call[1], call[2], (call.UInt(3) & MayMove) != 0, (call.UInt(3) & FixedPlace) != 0 ? call[4] : null).Failure);

    /// <summary>process_vm_readv and process_vm_writev: no process can reach a dma-buf's pages in another one (S-PIN-02).</summary>
    public void ForeignAccess(StoppedCall call) => RefusePinned(call, call.Int(0), call[3], call[4]);

    /// <summary>vmsplice: nor can they be put into a pipe.</summary>
    public void Gift(StoppedCall call) => RefusePinned(call, context.Processes.PidOf(call.Tid), call[1], call[2]);

    // The host's kernel comes behind, for what the machine has nothing against; what it did is seen at the next look.
    private void OnRange(StoppedCall call, ulong start, ulong length, Func<GuestProcess, Failure?> ask)
    {
        int pid = context.Processes.PidOf(call.Tid);
        if (context.Files.All.Count == 0 || length > ulong.MaxValue - start || !mirror.IsMapped(pid, start, start + length))
        {
            call.Continue();
            return;
        }

        Result<SupervisedProcess> process = context.Processes.Of(call.Tid);
        mirror.Refresh(pid);
        if (process.Ok && ask(process.Value.Machine) is { } refused)
        {
            call.Fail(refused.Errno);
        }
        else
        {
            call.Continue();
        }
    }

    private void RefusePinned(StoppedCall call, int pid, ulong vectors, ulong count)
    {
        Span<byte> vector = stackalloc byte[VectorBytes];
        ulong most = context.Files.All.Count == 0 ? 0 : Math.Min(count, MostVectors);
        for (ulong i = 0; i < most && call.Memory.TryRead(vectors + (i * VectorBytes), vector); i++)
        {
            ulong start = BinaryPrimitives.ReadUInt64LittleEndian(vector);
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(vector[8..]);
            if (length != 0 && length <= ulong.MaxValue - start && mirror.IsMapped(pid, start, start + length))
            {
                call.Fail(Errno.EFAULT);
                return;
            }
        }

        call.Continue();
    }
}
