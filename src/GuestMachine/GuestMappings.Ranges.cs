using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <content>Calls on ranges of the address space: munmap, mprotect, mremap, madvise, msync, mlock, mincore, smaps (S-BUF-30, 36).</content>
public sealed partial class GuestMappings
{
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

            if (size > old || old == 0)
            {
                return vma.ByPageFrame
                    ? Remap(Errno.EFAULT, "A mapping by page-frame number cannot grow or be duplicated (S-BUF-36).")
                    : Remap(Errno.ENOMEM, "Growing anonymous mappings is not modelled.");
            }

            return ShrinkOrMove(process, address, old, size, fixedAddress);
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

            bool byPageFrame = process.Addresses.Find(address)!.ByPageFrame;
            Errno errno = AdviceByPageFrame.GetValueOrDefault(advice, Errno.EINVAL);
            return errno == Errno.None || (!byPageFrame && AdviceByPageFrame.ContainsKey(advice))
                ? null
                : new Failure(errno, "madvise", "check advice", $"MADV_{advice} is refused for this mapping (S-BUF-36).", "advice");
        }
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

            var resident = new bool[Page.AlignUp(length) >> Page.Shift];
            for (int i = 0; i < resident.Length; i++)
            {
                ulong at = address + ((ulong)i << Page.Shift);
                resident[i] = process.Addresses.Find(at)!.ByPageFrame
                    ? _guest.Kernel.HeapMappingsResident
                    : process.Addresses.Pages.ContainsKey(at);
            }

            return resident;
        }
    }

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

        if (!process.Addresses.HasRoomFor(process.Addresses.CutsNeeded(start, end)))
        {
            return new Failure(Errno.ENOMEM, "mprotect", "split mapping", "The process has no room for another mapping.");
        }

        foreach (Vma part in process.Addresses.TakeOut(start, end))
        {
            process.Addresses.Add(part with { Protection = protection });
        }

        return null;
    }

    private Result<ulong> ShrinkOrMove(GuestProcess process, ulong address, ulong old, ulong size, ulong? target)
    {
        if (target is { } to && (CheckRange("mremap", to, size) is not null || (to < address + old && address < to + size)))
        {
            return Remap(Errno.EINVAL, $"The new place 0x{target:x} is no range of pages or overlaps the old one.");
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

        foreach (Vma moved in process.Addresses.TakeOut(address, address + size))
        {
            process.Addresses.Add(moved with { Start = place + (moved.Start - address) });
        }

        for (ulong at = 0; at < size; at += Page.Size)
        {
            if (process.Addresses.Pages.Remove(address + at, out OwnPage? page))
            {
                process.Addresses.Pages.Add(place + at, page);
            }
        }

        return place;
    }

    private static Failure Remap(Errno errno, string sentence) => new(errno, "mremap", "check range", sentence, "address");
}
