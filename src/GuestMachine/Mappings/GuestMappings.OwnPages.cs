using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;

namespace CocoGuest.Machine.Mappings;

/// <content>
/// Pages of a process' own, and of shared anonymous memory: they are private memory of the guest, one frame a page, made when first stored
/// to or pinned, and copied under the guest's lock (they are not for bulk data).
/// </content>
public sealed partial class GuestMappings
{
    /// <summary>A mapping is gone: its pages and its reference go.</summary>
    internal void GiveUp(GuestProcess process, Vma vma)
    {
        if (vma.HasOwnPages && process.Addresses.Pages.Count > 0)
        {
            DropPages(process, vma.Start, vma.End);
        }

        if (vma.File is { } file)
        {
            GuestFiles.Put(file);
        }
    }

    /// <summary>The page of an address for reading or writing, made if need be; ENOMEM.</summary>
    internal Result<OwnPage> PageFor(GuestProcess process, Vma vma, ulong address)
    {
        ulong at = address & ~Page.OffsetMask;
        Dictionary<ulong, OwnPage> pages = process.Addresses.Pages;
        if (pages.TryGetValue(at, out OwnPage? page) && page.Mappers == 1)
        {
            return page;
        }

        if (TakePage(process) is not { } taken)
        {
            return NoPage("fault");
        }

        if (CopyOld(vma, page, at, taken.Frame) is { } failure)
        {
            _core.SinglePages.Free([taken]);
            return failure;
        }

        if (page is not null)
        {
            // The other process that had it may have been killed for this very page.
            page.Mappers--;
            FreeIfUnused(page);
        }

        var made = new OwnPage(taken.Frame);
        pages[at] = made;
        return made;
    }

    // The OOM killer makes room once for a fault; if it takes the process itself, there is nobody left to fault.
    private Chunk? TakePage(GuestProcess process)
    {
        if (_core.SinglePages.TryTake(0, out Chunk taken))
        {
            return taken;
        }

        return _core.Hooks.KillForMemory?.Invoke(process) is not null && process.Alive && _core.SinglePages.TryTake(0, out taken)
            ? taken
            : null;
    }

    /// <summary>A copy of a page, for one address space; ENOMEM.</summary>
    internal Result<OwnPage> Duplicate(OwnPage page)
    {
        if (!_core.SinglePages.TryTake(0, out Chunk taken))
        {
            return NoPage("fork");
        }

        if (CopyFrame(page.Frame, taken.Frame) is { } failure)
        {
            _core.SinglePages.Free([taken]);
            return failure;
        }

        return new OwnPage(taken.Frame);
    }

    /// <summary>The block of shared anonymous memory behind an address, made if need be: EFAULT behind its end (SIGBUS), ENOMEM.</summary>
    internal static Result<ShmemPage> BlockFor(Vma vma, ulong address)
    {
        ulong offset = vma.Offset + (address - vma.Start);
        return offset >= vma.Shmem!.Size
            ? new Failure(Errno.EFAULT, "fault", "look up page", $"0x{address:x} lies behind the end of the shared memory.", "address")
            : vma.Shmem.Fault(offset / vma.Shmem.BlockBytes) is { } block ? block
            : NoPage("fault");
    }

    /// <summary>The page that a driver wants to pin, made if need be; ENOMEM, EFAULT.</summary>
    internal Result<PinnedPage> PageToPin(GuestProcess process, Vma vma, ulong address)
    {
        if (vma.Shmem is { } file)
        {
            Result<ShmemPage> block = BlockFor(vma, address);
            return block.Ok ? new PinnedPage(FrameIn(vma, block.Value, address), null, file, block.Value) : block.Failure;
        }

        Result<OwnPage> page = PageFor(process, vma, address);
        return page.Ok ? new PinnedPage(page.Value.Frame, page.Value, null, null) : page.Failure;
    }

    /// <summary>A page loses a mapper or a pin: without any the frame is free.</summary>
    internal void FreeIfUnused(OwnPage page)
    {
        if (page is { Mappers: 0, Pins: 0 })
        {
            _core.Frames.Free(page.Frame, 0);
        }
    }

    // A mapping may be far larger than what was ever touched of it.
    private void DropPages(GuestProcess process, ulong start, ulong end)
    {
        Dictionary<ulong, OwnPage> pages = process.Addresses.Pages;
        foreach (ulong at in PagesBetween(process, start, end))
        {
            pages.Remove(at, out OwnPage? page);
            page!.Mappers--;
            FreeIfUnused(page);
        }
    }

    // In ascending order, so that frames come back in a fixed order.
    private static ulong[] PagesBetween(GuestProcess process, ulong start, ulong end)
    {
        Dictionary<ulong, OwnPage> pages = process.Addresses.Pages;
        ulong[] found = (end - start) >> Page.Shift > (ulong)pages.Count
            ? [.. pages.Keys.Where(at => at >= start && at < end)]
            : [.. Enumerable.Range(0, (int)((end - start) >> Page.Shift))
                .Select(i => start + ((ulong)i << Page.Shift)).Where(pages.ContainsKey)];
        Array.Sort(found);
        return found;
    }

    // What the new page begins with: the page shared since a fork, the file's page, or zeros.
    private Failure? CopyOld(Vma vma, OwnPage? shared, ulong at, ulong frame)
    {
        if (shared is not null)
        {
            return CopyFrame(shared.Frame, frame);
        }

        if (vma.Buffer is null)
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[(int)Page.Size];
        return ReadFile(vma, at, bytes) ?? WriteFrame(frame, 0, bytes);
    }

    private Failure? CopyFrame(ulong from, ulong to)
    {
        Span<byte> bytes = stackalloc byte[(int)Page.Size];
        return ReadFrame(from, 0, bytes) ?? WriteFrame(to, 0, bytes);
    }

    private Failure? LoadByPages(GuestProcess process, ulong address, Span<byte> target)
    {
        for (int done = 0; done < target.Length;)
        {
            ulong at = address + (ulong)done;
            Span<byte> part = target.Slice(done, PartInPage(at, target.Length - done));
            if (LoadPart(process, process.Addresses.Find(at)!, at, part) is { } failure)
            {
                return failure;
            }

            done += part.Length;
        }

        _core.Copies.AddLoad(target.Length);
        return null;
    }

    private Failure? LoadPart(GuestProcess process, Vma vma, ulong at, Span<byte> part)
    {
        if (process.Addresses.Pages.TryGetValue(at & ~Page.OffsetMask, out OwnPage? page))
        {
            return ReadFrame(page.Frame, at & Page.OffsetMask, part);
        }

        if (vma.Buffer is not null)
        {
            return ReadFile(vma, at, part);
        }

        if (vma.Shmem is not null)
        {
            Result<ShmemPage> block = BlockFor(vma, at);
            return block.Ok ? ReadFrame(FrameIn(vma, block.Value, at), at & Page.OffsetMask, part) : block.Failure;
        }

        part.Clear();
        return null;
    }

    // All pages are there before the first byte is written: a store that fails writes nothing.
    private Failure? StoreByPages(GuestProcess process, ulong address, ReadOnlySpan<byte> source)
    {
        using var plan = new AccessPlan();
        for (int done = 0; done < source.Length;)
        {
            ulong at = address + (ulong)done;
            int part = PartInPage(at, source.Length - done);
            if (PlanStore(plan, process, process.Addresses.Find(at)!, at, (ulong)part) is { } failure)
            {
                return failure;
            }

            done += part;
        }

        Action? writeBack = _core.Hooks.BeforeStore?.Invoke(plan, source.Length);
        plan.Write(source);
        writeBack?.Invoke();
        _core.Copies.AddStore(source.Length);
        return null;
    }

    private Failure? PlanStore(AccessPlan plan, GuestProcess process, Vma vma, ulong at, ulong length)
    {
        if (vma is { Buffer: { } buffer, Private: false })
        {
            return _core.Access.Plan(plan, AccessorOf(buffer), buffer.Chunks, vma.Offset + (at - vma.Start), length, write: true, "store");
        }

        Result<ulong> frame = FrameFor(process, vma, at);
        return frame.Ok
            ? _core.Access.Plan(
                plan, ViewAccessor.GuestPrivateMapping, Page.AddressOf(frame.Value) + (at & Page.OffsetMask), length, write: true, "store")
            : frame.Failure;
    }

    private Result<ulong> FrameFor(GuestProcess process, Vma vma, ulong at)
    {
        if (vma.Shmem is not null)
        {
            Result<ShmemPage> block = BlockFor(vma, at);
            return block.Ok ? FrameIn(vma, block.Value, at) : block.Failure;
        }

        Result<OwnPage> page = PageFor(process, vma, at);
        return page.Ok ? page.Value.Frame : page.Failure;
    }

    private static ulong FrameIn(Vma vma, ShmemPage block, ulong at) =>
        block.Block.Frame + (((vma.Offset + (at - vma.Start)) % vma.Shmem!.BlockBytes) >> Page.Shift);

    private static Failure NoPage(string operation) => new(Errno.ENOMEM, operation, "allocate page", "The guest has no free page left.");

    private static int PartInPage(ulong address, int length) => (int)Math.Min((ulong)length, Page.Size - (address & Page.OffsetMask));

    private Failure? ReadFile(Vma vma, ulong address, Span<byte> target)
    {
        using var plan = new AccessPlan();
        MemoryFile buffer = vma.Buffer!;
        ulong offset = vma.Offset + (address - vma.Start);
        Failure? failure = _core.Access.Plan(plan, AccessorOf(buffer), buffer.Chunks, offset, (ulong)target.Length, write: false, "load");
        if (failure is null)
        {
            plan.Read(target);
        }

        return failure;
    }

    private Failure? ReadFrame(ulong frame, ulong offset, Span<byte> target)
    {
        using var plan = new AccessPlan();
        Failure? failure = _core.Access.Plan(
            plan, ViewAccessor.GuestPrivateMapping, Page.AddressOf(frame) + offset, (ulong)target.Length, write: false, "load");
        if (failure is null)
        {
            plan.Read(target);
        }

        return failure;
    }

    private Failure? WriteFrame(ulong frame, ulong offset, ReadOnlySpan<byte> source)
    {
        using var plan = new AccessPlan();
        Failure? failure = _core.Access.Plan(
            plan, ViewAccessor.GuestPrivateMapping, Page.AddressOf(frame) + offset, (ulong)source.Length, write: true, "store");
        if (failure is null)
        {
            plan.Write(source);
        }

        return failure;
    }
}
