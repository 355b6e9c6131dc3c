using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <content>
/// Pages of a process' own: anonymous memory and copies on write. They are private memory of the guest, one frame a page, made when first
/// touched, and copied under the guest's lock (they are not for bulk data).
/// </content>
public sealed partial class GuestMappings
{
    /// <summary>mmap of anonymous private memory.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="protection">Rights.</param>
    /// <returns>EINVAL for length 0 or unknown rights, ENOMEM without room.</returns>
    public Result<MmapResult> MmapAnonymous(GuestProcess process, ulong length, MapProtection protection)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            if (CheckProtection(protection) is { } unknown)
            {
                return unknown;
            }

            ulong size = Page.AlignUp(length);
            if (length == 0)
            {
                return Wrong(Errno.EINVAL, "length", "length is 0.");
            }

            ulong address = size == 0 || size >= AddressSpaceBytes ? 0 : process.Addresses.FindGap(size);
            if (address == 0)
            {
                return new Failure(Errno.ENOMEM, "mmap", "find address", $"The process has no room for {length} bytes.", "length");
            }

            process.Addresses.Add(new Vma(address, size, null, 0, protection, Private: true));
            return new MmapResult(address, size, null, 0);
        }
    }

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

        if (!_guest.Frames.TryAllocate(0, out ulong frame))
        {
            return new Failure(Errno.ENOMEM, "fault", "allocate page", "The guest has no free page left.");
        }

        _guest.Memory.Zero(new Chunk(frame, 0));
        if (CopyOld(vma, page, at, frame) is { } failure)
        {
            _guest.Frames.Free(frame, 0);
            return failure;
        }

        if (page is not null)
        {
            page.Mappers--;
        }

        var made = new OwnPage(frame);
        pages[at] = made;
        return made;
    }

    /// <summary>A copy of a page, for one address space; ENOMEM.</summary>
    internal Result<OwnPage> Duplicate(OwnPage page)
    {
        if (!_guest.Frames.TryAllocate(0, out ulong frame))
        {
            return new Failure(Errno.ENOMEM, "fork", "copy pinned page", "The guest has no free page left.");
        }

        _guest.Memory.Zero(new Chunk(frame, 0));
        Span<byte> bytes = stackalloc byte[(int)Page.Size];
        if ((ReadFrame(page.Frame, 0, bytes) ?? WriteFrame(frame, 0, bytes)) is { } failure)
        {
            _guest.Frames.Free(frame, 0);
            return failure;
        }

        return new OwnPage(frame);
    }

    /// <summary>A page loses a mapper or a pin: without any the frame is free.</summary>
    internal void FreeIfUnused(OwnPage page)
    {
        if (page is { Mappers: 0, Pins: 0 })
        {
            _guest.Frames.Free(page.Frame, 0);
        }
    }

    private void DropPages(GuestProcess process, ulong start, ulong end)
    {
        for (ulong at = start; at < end; at += Page.Size)
        {
            if (process.Addresses.Pages.Remove(at, out OwnPage? page))
            {
                page.Mappers--;
                FreeIfUnused(page);
            }
        }
    }

    // What the new page begins with: the page shared since a fork, the file's page, or zeros.
    private Failure? CopyOld(Vma vma, OwnPage? shared, ulong at, ulong frame)
    {
        if (shared is null && vma.Buffer is null)
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[(int)Page.Size];
        Failure? failure = shared is not null ? ReadFrame(shared.Frame, 0, bytes) : ReadFile(vma, at, bytes);
        return failure ?? WriteFrame(frame, 0, bytes);
    }

    private Failure? LoadOwn(GuestProcess process, Vma vma, ulong address, Span<byte> target)
    {
        for (int done = 0; done < target.Length;)
        {
            ulong at = address + (ulong)done;
            Span<byte> part = target.Slice(done, PartInPage(at, target.Length - done));
            Failure? failure = process.Addresses.Pages.TryGetValue(at & ~Page.OffsetMask, out OwnPage? page)
                ? ReadFrame(page.Frame, at & Page.OffsetMask, part)
                : vma.Buffer is not null ? ReadFile(vma, at, part)
                : Clear(part);
            if (failure is not null)
            {
                return failure;
            }

            done += part.Length;
        }

        _guest.Copies.AddLoad(target.Length);
        return null;
    }

    private Failure? StoreOwn(GuestProcess process, Vma vma, ulong address, ReadOnlySpan<byte> source)
    {
        for (int done = 0; done < source.Length;)
        {
            ulong at = address + (ulong)done;
            ReadOnlySpan<byte> part = source.Slice(done, PartInPage(at, source.Length - done));
            Result<OwnPage> page = PageFor(process, vma, at);
            Failure? failure = page.Ok ? WriteFrame(page.Value.Frame, at & Page.OffsetMask, part) : page.Failure;
            if (failure is not null)
            {
                return failure;
            }

            done += part.Length;
        }

        _guest.Copies.AddStore(source.Length);
        return null;
    }

    private static int PartInPage(ulong address, int length) => (int)Math.Min((ulong)length, Page.Size - (address & Page.OffsetMask));

    private static Failure? Clear(Span<byte> bytes)
    {
        bytes.Clear();
        return null;
    }

    private Failure? ReadFile(Vma vma, ulong address, Span<byte> target)
    {
        using var plan = new AccessPlan();
        MemoryFile buffer = vma.Buffer!;
        ulong offset = vma.Offset + (address - vma.Start);
        Failure? failure = _guest.Access.Plan(plan, AccessorOf(buffer), buffer, offset, (ulong)target.Length, write: false, "load");
        if (failure is null)
        {
            plan.Read(target);
        }

        return failure;
    }

    private Failure? ReadFrame(ulong frame, ulong offset, Span<byte> target)
    {
        using var plan = new AccessPlan();
        Failure? failure = _guest.Access.Plan(
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
        Failure? failure = _guest.Access.Plan(
            plan, ViewAccessor.GuestPrivateMapping, Page.AddressOf(frame) + offset, (ulong)source.Length, write: true, "store");
        if (failure is null)
        {
            plan.Write(source);
        }

        return failure;
    }
}
