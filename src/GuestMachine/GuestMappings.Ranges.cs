using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <content>Calls on ranges of the address space: munmap, mprotect, mremap, madvise, msync, mlock, mincore, smaps (S-BUF-30, 36).</content>
public sealed partial class GuestMappings
{
    private const ulong MostMincorePages = 1UL << 20;
    private const ulong PagePresent = 1UL << 63;

    // Advice on a mapping by page-frame number: what is not listed is unknown.
    private static readonly Dictionary<string, Errno> AdviceByPageFrame = new(StringComparer.Ordinal)
    {
        ["NORMAL"] = Errno.None,
        ["RANDOM"] = Errno.None,
        ["SEQUENTIAL"] = Errno.None,
        ["WILLNEED"] = Errno.None,
        ["DONTFORK"] = Errno.None,
        ["KEEPONFORK"] = Errno.None,
        ["DONTDUMP"] = Errno.None,
        ["DONTNEED"] = Errno.EINVAL,
        ["FREE"] = Errno.EINVAL,
        ["DOFORK"] = Errno.EINVAL,
        ["DODUMP"] = Errno.EINVAL,
        ["MERGEABLE"] = Errno.EINVAL,
        ["UNMERGEABLE"] = Errno.EINVAL,
        ["HUGEPAGE"] = Errno.EINVAL,
        ["NOHUGEPAGE"] = Errno.EINVAL,
        ["WIPEONFORK"] = Errno.EINVAL,
        ["COLD"] = Errno.EINVAL,
        ["PAGEOUT"] = Errno.EINVAL,
        ["POPULATE_READ"] = Errno.EINVAL,
        ["POPULATE_WRITE"] = Errno.EINVAL,
        ["DONTNEED_LOCKED"] = Errno.EINVAL,
    };

    // What marks a mapping for fork and for core dumps.
    private static readonly Dictionary<string, Func<Vma, Vma>> ForkAndDumpAdvice = new(StringComparer.Ordinal)
    {
        ["DONTFORK"] = v => v with { NotForked = true },
        ["DOFORK"] = v => v with { NotForked = false },
        ["WIPEONFORK"] = v => v with { WipedOnFork = true },
        ["KEEPONFORK"] = v => v with { WipedOnFork = false },
        ["DONTDUMP"] = v => v with { NotDumped = true },
        ["DODUMP"] = v => v with { NotDumped = false },
    };

    /// <summary>munmap of a range; what is not mapped there is no error.</summary>
    /// <returns>EINVAL for an address that is not page-aligned or a length of 0; ENOMEM when cutting would pass the limit of mappings.</returns>
    public Failure? Munmap(GuestProcess process, ulong address, ulong length)
    {
        lock (_guest.Gate)
        {
            if ((_guest.CheckAlive(process) ?? CheckRange("munmap", address, length)) is { } failure)
            {
                return failure;
            }

            ulong end = address + Page.AlignUp(length);
            if (!process.Addresses.HasRoomFor(process.Addresses.CutsNeeded(address, end)))
            {
                return new Failure(Errno.ENOMEM, "munmap", "split mapping", "The process has no room for another mapping.");
            }

            foreach (Vma vma in process.Addresses.TakeOut(address, end))
            {
                GiveUp(process, vma);
            }

            return null;
        }
    }

    /// <summary>mprotect of a range that is mapped throughout.</summary>
    /// <returns>EINVAL, ENOMEM for a hole, EACCES for a right that the mapping may not get (S-BUF-36, S-REC-51).</returns>
    public Failure? Mprotect(GuestProcess process, ulong address, ulong length, MapProtection protection)
    {
        lock (_guest.Gate)
        {
            if ((_guest.CheckAlive(process) ?? CheckProtection(protection)) is { } failure)
            {
                return failure;
            }

            if (!Page.IsAligned(address))
            {
                return Wrong(Errno.EINVAL, "address", $"address 0x{address:x} is not page-aligned.") with { Operation = "mprotect" };
            }

            ulong size = Page.AlignUp(length);
            return length == 0 ? null : Covered(process, "mprotect", address, size) ?? Protect(process, address, address + size, protection);
        }
    }

    /// <summary>mremap.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="address">Start of the range to move or resize.</param>
    /// <param name="oldLength">Its length now; 0 asks for a second mapping of the same pages.</param>
    /// <param name="newLength">Its length then.</param>
    /// <param name="mayMove">MREMAP_MAYMOVE.</param>
    /// <param name="fixedAddress">MREMAP_FIXED with this address; null: not given.</param>
    /// <returns>EINVAL, ENOMEM, and EFAULT for a range outside one mapping or for growing one by page-frame number (S-BUF-36).</returns>
    public Result<ulong> Mremap(GuestProcess process, ulong address, ulong oldLength, ulong newLength, bool mayMove, ulong? fixedAddress)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            if (!Page.IsAligned(address) || newLength == 0 || Page.AlignUp(newLength) == 0 || (fixedAddress is not null && !mayMove))
            {
                return Remap(Errno.EINVAL, "address, length or flags make no sense together.");
            }

            ulong old = Page.AlignUp(oldLength);
            ulong size = Page.AlignUp(newLength);
            Vma? vma = process.Addresses.Find(address);
            if (vma is null || old > vma.End - address)
            {
                return Remap(Errno.EFAULT, $"0x{address:x} and {oldLength} bytes are not inside one mapping.");
            }

            if (old == 0 && vma.Private && !vma.ByPageFrame)
            {
                return Remap(Errno.EINVAL, "Private memory cannot be mapped a second time.");
            }

            if ((size > old || old == 0) && vma.ByPageFrame)
            {
                return Remap(Errno.EFAULT, "A mapping by page-frame number cannot grow or be duplicated (S-BUF-36).");
            }

            return old == 0 ? Twice(process, vma, address, size, mayMove, fixedAddress)
                : size > old ? Grow(process, vma, address, old, size, mayMove, fixedAddress)
                : ShrinkOrMove(process, address, old, size, fixedAddress);
        }
    }

    /// <summary>madvise on a mapped range.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="address">Start.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="advice">The constant's name behind MADV_.</param>
    public Failure? Madvise(GuestProcess process, ulong address, ulong length, string advice)
    {
        lock (_guest.Gate)
        {
            if ((_guest.CheckAlive(process) ?? Covered(process, "madvise", address, Page.AlignUp(length))) is { } failure)
            {
                return failure;
            }

            ulong end = address + Page.AlignUp(length);
            foreach (Vma vma in process.Addresses.Overlapping(address, end))
            {
                if (AdviceErrno(vma, advice) is not Errno.None and var errno)
                {
                    return new Failure(errno, "madvise", "check advice", $"MADV_{advice} is refused for the mapping at 0x{vma.Start:x} (S-BUF-36).", "advice");
                }
            }

            return Advise(process, address, end, advice);
        }
    }

    // Memory of a process' own takes every advice that is known, but for giving shared memory away and for hugetlb alone.
    private static Errno AdviceErrno(Vma vma, string advice) =>
        !AdviceByPageFrame.TryGetValue(advice, out Errno byPageFrame) ? Errno.EINVAL
        : vma.ByPageFrame ? byPageFrame
        : advice is "FREE" or "WIPEONFORK" && !vma.Private ? Errno.EINVAL
        : Errno.None;

    private Failure? Advise(GuestProcess process, ulong start, ulong end, string advice)
    {
        if (advice is "DONTNEED" or "DONTNEED_LOCKED" or "FREE")
        {
            DropPages(process, start, end);
            return null;
        }

        if (advice is "POPULATE_READ" or "POPULATE_WRITE")
        {
            return Populate(process, start, end, advice == "POPULATE_WRITE");
        }

        if (ForkAndDumpAdvice.TryGetValue(advice, out Func<Vma, Vma>? change))
        {
            return Change(process, start, end, "madvise", change);
        }

        return null;
    }

    // EFAULT where a right is missing; pages made before stay.
    private Failure? Populate(GuestProcess process, ulong start, ulong end, bool write)
    {
        for (ulong at = start; at < end; at += Page.Size)
        {
            Vma vma = process.Addresses.Find(at)!;
            if (!Allows(vma, write ? MapProtection.Write : MapProtection.Read))
            {
                return NoAccess(vma, "madvise", at);
            }

            if (write && FrameFor(process, vma, at) is { Ok: false } none)
            {
                return none.Failure;
            }
        }

        return null;
    }

    /// <summary>msync: dma-bufs have nothing to write back to (S-BUF-36).</summary>
    public Failure? Msync(GuestProcess process, ulong address, ulong length, bool sync)
    {
        lock (_guest.Gate)
        {
            return (_guest.CheckAlive(process) ?? Covered(process, "msync", address, Page.AlignUp(length)))
                ?? (sync && process.Addresses.Find(address)!.ByPageFrame
                    ? new Failure(Errno.EINVAL, "msync", "fsync", "A dma-buf has no fsync (S-BUF-36).", "flags")
                    : null);
        }
    }

    /// <summary>mlock and munlock: they succeed on what is mapped and change nothing here (S-BUF-36).</summary>
    public Failure? Mlock(GuestProcess process, ulong address, ulong length)
    {
        lock (_guest.Gate)
        {
            return _guest.CheckAlive(process) ?? Covered(process, "mlock", address, Page.AlignUp(length));
        }
    }

    /// <summary>mincore: which pages are resident. Heap mappings are not up to 7.2 and are in 7.3 (S-BUF-36, S-REC-53).</summary>
    public Result<bool[]> Mincore(GuestProcess process, ulong address, ulong length)
    {
        lock (_guest.Gate)
        {
            if ((_guest.CheckAlive(process) ?? Covered(process, "mincore", address, Page.AlignUp(length))) is { } failure)
            {
                return failure;
            }

            ulong pages = Page.AlignUp(length) >> Page.Shift;
            if (pages > MostMincorePages)
            {
                return new Failure(Errno.EINVAL, "mincore", "check length", $"{pages} pages in one call; at most {MostMincorePages}.", "length");
            }

            var resident = new bool[pages];
            for (int i = 0; i < resident.Length; i++)
            {
                ulong at = address + ((ulong)i << Page.Shift);
                resident[i] = IsResident(process, process.Addresses.Find(at)!, at);
            }

            return resident;
        }
    }

    /// <summary>
    /// Entries of /proc/self/pagemap: bit 63 set and the frame number for a page that is there, 0 for others and for mappings by page-frame
    /// number, whose pages are no pages to it.
    /// </summary>
    /// <returns>EINVAL for an unaligned address or more than 2^20 pages.</returns>
    public Result<ulong[]> Pagemap(GuestProcess process, ulong address, ulong pages)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            if (!Page.IsAligned(address) || pages > MostMincorePages || address > AddressSpaceBytes)
            {
                return new Failure(Errno.EINVAL, "pagemap", "check range", $"0x{address:x} and {pages} pages are no range for one call.", "address");
            }

            var entries = new ulong[pages];
            for (int i = 0; i < entries.Length; i++)
            {
                ulong at = address + ((ulong)i << Page.Shift);
                entries[i] = FrameAt(process, at) is { } frame ? PagePresent | frame : 0;
            }

            return entries;
        }
    }

    private static ulong? FrameAt(GuestProcess process, ulong at) =>
        process.Addresses.Find(at) is not { } vma || (vma.ByPageFrame && !vma.Private) ? null
        : process.Addresses.Pages.TryGetValue(at, out OwnPage? page) ? page.Frame
        : vma.Shmem?.Find((vma.Offset + (at - vma.Start)) / vma.Shmem.BlockBytes) is { } block ? FrameIn(vma, block, at)
        : null;

    private bool IsResident(GuestProcess process, Vma vma, ulong at) =>
        vma.ByPageFrame ? _guest.Kernel.HeapMappingsResident : FrameAt(process, at) is not null;

    /// <summary>What /proc/self/smaps says of the mapping at an address.</summary>
    public Result<SmapsEntry> Smaps(GuestProcess process, ulong address)
    {
        lock (_guest.Gate)
        {
            return _guest.CheckAlive(process) is { } dead ? dead
                : process.Addresses.Find(address) is { } vma ? SmapsEntry.Of(vma, process.Addresses)
                : new Failure(Errno.ENOENT, "smaps", "look up mapping", $"Address 0x{address:x} is not mapped.", "address");
        }
    }

    private static Failure? CheckProtection(MapProtection protection) =>
        (protection & ~(MapProtection.Read | MapProtection.Write | MapProtection.Execute)) == 0
            ? null
            : Wrong(Errno.EINVAL, "prot", $"prot 0x{(int)protection:x} has unknown bits.");

    private static Failure? CheckRange(string operation, ulong address, ulong length) =>
        !Page.IsAligned(address) || length == 0 || Page.AlignUp(length) == 0 || Page.AlignUp(length) > AddressSpaceBytes
            || address > AddressSpaceBytes - Page.AlignUp(length)
            ? new Failure(Errno.EINVAL, operation, "check range", $"0x{address:x} and {length} bytes are no range of pages.", "address")
            : null;

    // ENOMEM for a hole in the range.
    private static Failure? Covered(GuestProcess process, string operation, ulong address, ulong size)
    {
        if (CheckRange(operation, address, size) is { } wrong)
        {
            return wrong;
        }

        for (ulong at = address; at < address + size;)
        {
            if (process.Addresses.Find(at) is not { } vma)
            {
                return new Failure(Errno.ENOMEM, operation, "look up mapping", $"Nothing is mapped at 0x{at:x}.", "address");
            }

            at = vma.End;
        }

        return null;
    }

    private static Failure? Protect(GuestProcess process, ulong start, ulong end, MapProtection protection)
    {
        foreach (Vma vma in process.Addresses.Overlapping(start, end))
        {
            if ((protection & ~vma.May) != 0)
            {
                return new Failure(Errno.EACCES, "mprotect", "check rights",
                    $"The mapping at 0x{vma.Start:x} may not become {protection} (S-BUF-36).", "prot");
            }
        }

        return Change(process, start, end, "mprotect", v => v with { Protection = protection });
    }

    private static Failure? Change(GuestProcess process, ulong start, ulong end, string operation, Func<Vma, Vma> change)
    {
        if (!process.Addresses.HasRoomFor(process.Addresses.CutsNeeded(start, end)))
        {
            return new Failure(Errno.ENOMEM, operation, "split mapping", "The process has no room for another mapping.");
        }

        foreach (Vma part in process.Addresses.TakeOut(start, end))
        {
            process.Addresses.Add(change(part));
        }

        return null;
    }

    // A second mapping of the same shared pages.
    private Result<ulong> Twice(GuestProcess process, Vma vma, ulong address, ulong size, bool mayMove, ulong? target)
    {
        if (!mayMove)
        {
            return Remap(Errno.EINVAL, "A second mapping cannot lie where the first one lies.");
        }

        Result<ulong> place = PlaceFor(process, size, target);
        if (place.Ok)
        {
            process.Addresses.Add(vma with { Start = place.Value, Length = size, Offset = vma.Offset + (address - vma.Start) });
            vma.File!.References++;
        }

        return place;
    }

    private Result<ulong> Grow(GuestProcess process, Vma vma, ulong address, ulong old, ulong size, bool mayMove, ulong? target)
    {
        if (CheckOvercommit(size) is { } tooLarge)
        {
            return tooLarge with { Operation = "mremap" };
        }

        if (target is null && vma.End == address + old && process.Addresses.IsFree(vma.End, address + size)
            && process.Addresses.Bytes + (size - old) <= process.Limits.AddressSpaceBytes)
        {
            process.Addresses.RemoveAt(vma.Start);
            process.Addresses.Add(vma with { Length = address + size - vma.Start });
            return address;
        }

        if (!mayMove || !process.Addresses.HasRoomFor(1 + process.Addresses.CutsNeeded(address, address + old)))
        {
            return Remap(Errno.ENOMEM, "There is no room behind the mapping, and it may not move.");
        }

        if (target is { } to && Overlaps(to, size, address, old))
        {
            return Remap(Errno.EINVAL, $"The new place 0x{to:x} overlaps the old one.");
        }

        Result<ulong> place = PlaceFor(process, size, target);
        if (place.Ok)
        {
            Move(process, address, old, place.Value);
            Vma moved = process.Addresses.RemoveAt(place.Value)!;
            process.Addresses.Add(moved with { Length = size });
        }

        return place;
    }

    private Result<ulong> PlaceFor(GuestProcess process, ulong size, ulong? target)
    {
        MapFlags flags = target is null ? MapFlags.None : MapFlags.Fixed;
        Result<ulong> place = CheckPlace(process, target ?? 0, size, flags) is { } wrong ? wrong : Place(process, target ?? 0, size, flags);
        return place.Ok ? place : place.Failure with { Operation = "mremap" };
    }

    private static bool Overlaps(ulong start, ulong length, ulong other, ulong otherLength) =>
        start < other + otherLength && other < start + length;

    private Result<ulong> ShrinkOrMove(GuestProcess process, ulong address, ulong old, ulong size, ulong? target)
    {
        if (target is { } to && CheckPlace(process, to, size, MapFlags.Fixed) is { } wrong)
        {
            return wrong with { Operation = "mremap" };
        }

        if (target is { } next && Overlaps(next, size, address, old))
        {
            return Remap(Errno.EINVAL, $"The new place 0x{target:x} overlaps the old one.");
        }

        AddressSpace space = process.Addresses;
        int cuts = space.CutsNeeded(address, address + old) + (target is { } at ? space.CutsNeeded(at, at + size) : 0);
        if (!space.HasRoomFor(cuts))
        {
            return Remap(Errno.ENOMEM, "The process has no room for another mapping.");
        }

        foreach (Vma tail in size < old ? process.Addresses.TakeOut(address + size, address + old) : [])
        {
            GiveUp(process, tail);
        }

        if (target is not { } place)
        {
            return address;
        }

        foreach (Vma covered in process.Addresses.TakeOut(place, place + size))
        {
            GiveUp(process, covered);
        }

        Move(process, address, size, place);
        return place;
    }

    // Mappings and their pages go to where nothing is.
    private static void Move(GuestProcess process, ulong from, ulong size, ulong to)
    {
        foreach (Vma moved in process.Addresses.TakeOut(from, from + size))
        {
            process.Addresses.Add(moved with { Start = to + (moved.Start - from) });
        }

        foreach (ulong at in PagesBetween(process, from, from + size))
        {
            process.Addresses.Pages.Remove(at, out OwnPage? page);
            process.Addresses.Pages.Add(to + (at - from), page!);
        }
    }

    private static Failure Remap(Errno errno, string sentence) => new(errno, "mremap", "check range", sentence, "address");
}
