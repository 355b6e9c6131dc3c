using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState.Views;

/// <summary>
/// Applies the view matrix (S-PLAT-10 to 12) to an access: page by page, who reaches for it and in what condition it is decide what the
/// accessor gets. An access that faults anywhere moves no byte at all.
/// </summary>
internal sealed unsafe class MemoryAccess(GuestMemory memory, IPageStateTracker pages, ViewMatrix views, CopyCounter copies)
{
    /// <summary>Told of every fault.</summary>
    public Action<PageFault>? Faulted { get; init; }

    /// <summary>What the platform shows an accessor of a frame at the moment.</summary>
    public ViewCell CellOf(ViewAccessor accessor, ulong frame) => views[accessor, pages.ConditionOf(frame)];

    /// <summary>Plans an access to a part of the memory that chunks make up, one after the other.</summary>
    public Failure? Plan(
        AccessPlan plan, ViewAccessor accessor, ReadOnlySpan<Chunk> chunks, ulong offset, ulong length, bool write, string operation)
    {
        ulong start = 0;
        foreach (Chunk chunk in chunks)
        {
            if (length == 0)
            {
                break;
            }

            if (offset < start + chunk.Bytes)
            {
                ulong inside = offset - start;
                ulong part = Math.Min(length, chunk.Bytes - inside);
                if (PlanRange(plan, accessor, chunk.Address + inside, part, write, operation) is { } failure)
                {
                    return failure;
                }

                offset += part;
                length -= part;
            }

            start += chunk.Bytes;
        }

        return Count(plan);
    }

    /// <summary>Plans an access to guest-physical memory, all of which has to be RAM.</summary>
    public Failure? Plan(AccessPlan plan, ViewAccessor accessor, ulong address, ulong length, bool write, string operation) =>
        PlanRange(plan, accessor, address, length, write, operation) ?? Count(plan);

    private Failure? PlanRange(AccessPlan plan, ViewAccessor accessor, ulong address, ulong length, bool write, string operation)
    {
        bool storePinned = false;
        while (length > 0)
        {
            ulong frame = Page.FrameOf(address);
            PageCondition condition = pages.ConditionOf(frame);
            ViewCell cell = views[accessor, condition];
            if (cell.Outcome == ViewOutcome.Fault)
            {
                return Fault(cell.Fault, cell.TerminatesGuest && IsGuest(accessor), accessor, address, condition, operation);
            }

            ulong inPage = Math.Min(length, Page.Size - (address & Page.OffsetMask));
            if (memory.Poison.Count != 0 && MeetsBrokenLine(plan, accessor, address, inPage, write))
            {
                return Fault(BrokenLine, IsGuest(accessor), accessor, address, condition, operation);
            }

            MemoryBacking? backing = memory.FindBacking(frame, out ulong page, out ulong pagesLeft);
            ulong part = Math.Min(
                length, backing is null ? Page.Size - (address & Page.OffsetMask) : Run(frame, address, pagesLeft, condition));
            if (backing is not null)
            {
                Result<MemoryPin> pin = backing.Pin();
                if (!pin.Ok)
                {
                    return pin.Failure;
                }

                plan.Keep(pin.Value);
                plan.SharedBytes += backing is VisibleBacking ? part : 0;
                plan.WritesPrivateFrames |= write && backing is PrivateBacking;
                byte* place = pin.Value.Pointer + Page.AddressOf(page) + (address & Page.OffsetMask);
                plan.Add(TransformOf(cell.Outcome), place, address, part, memory.Engine);
            }
            else
            {
                if (!storePinned)
                {
                    plan.Keep(memory.PinStore());
                    storePinned = true;
                }

                PlanStore(plan, cell.Outcome, frame, address, part, write);
            }

            address += part;
            length -= part;
        }

        return null;
    }

    private ViewFault BrokenLine => pages.Platform == Platform.Tdx ? ViewFault.MachineCheck : ViewFault.IntegrityCheck;

    // TDX: a guest's write of whole lines does not look at them (S-PLAT-12).
    // s390: any access of the guest imports the page first (S-PLAT-14).
    private bool MeetsBrokenLine(AccessPlan plan, ViewAccessor accessor, ulong address, ulong length, bool write)
    {
        bool byLine = BrokenLine == ViewFault.MachineCheck;
        bool replaces = byLine && write && IsGuest(accessor);
        if ((IsGuest(accessor) || byLine) && memory.Poison.Hits(address, length, replaces))
        {
            return true;
        }

        if (replaces)
        {
            plan.WillWrite(memory.Poison, address, length);
        }

        return false;
    }

    private static bool IsGuest(ViewAccessor accessor) => accessor is ViewAccessor.GuestPrivateMapping or ViewAccessor.GuestSharedMapping;

    private Failure Fault(ViewFault fault, bool endsGuest, ViewAccessor accessor, ulong address, PageCondition condition, string operation)
    {
        Faulted?.Invoke(new PageFault(fault, accessor, address, condition, endsGuest));
        return new Failure(
            Errno.EFAULT, operation, "view",
            $"{ViewFaults.Describe(fault)}: {accessor} at guest-physical 0x{address:x}, page {condition}.", "address");
    }

    // Only what will be copied counts: an access that faults in the middle moves nothing.
    private Failure? Count(AccessPlan plan)
    {
        if (plan.SharedBytes != 0)
        {
            copies.AddSharedBuffer(plan.SharedBytes);
        }

        return null;
    }

    // Frames of one chunk convert together, but a host may convert some of them: stop where the condition changes.
    private ulong Run(ulong frame, ulong address, ulong pagesLeft, PageCondition condition)
    {
        ulong pagesInRun = 1;
        while (pagesInRun < pagesLeft && pages.ConditionOf(frame + pagesInRun) == condition && memory.Poison.Count == 0)
        {
            pagesInRun++;
        }

        return (pagesInRun << Page.Shift) - (address & Page.OffsetMask);
    }

    private void PlanStore(AccessPlan plan, ViewOutcome outcome, ulong frame, ulong address, ulong part, bool write)
    {
        if (pages.ConditionOf(frame) == PageCondition.Shared)
        {
            memory.MaterializeShared(frame);
            plan.Add(TransformOf(outcome), memory.StoreAt(address), address, part, memory.Engine);
            return;
        }

        bool rawZero = memory.IsRawZero(frame);
        if (outcome == ViewOutcome.Ciphertext && rawZero && !write)
        {
            // Nobody wrote this DRAM: the raw bytes are zeros.
            plan.Add(Transform.Zeros, memory.StoreAt(address), address, part, memory.Engine);
            return;
        }

        if (rawZero || write)
        {
            memory.Materialize(frame);
            plan.WritesPrivateFrames |= write;
        }

        plan.Add(TransformOf(outcome), memory.StoreAt(address), address, part, memory.Engine);
    }

    private static Transform TransformOf(ViewOutcome outcome) => outcome switch
    {
        ViewOutcome.Ciphertext => Transform.Encrypt,
        ViewOutcome.Garbled => Transform.Decrypt,
        ViewOutcome.Zeros => Transform.Zeros,
        ViewOutcome.AllOnes => Transform.Ones,
        _ => Transform.None,
    };
}
