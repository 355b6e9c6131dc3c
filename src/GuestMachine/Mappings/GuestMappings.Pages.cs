using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Mappings;

/// <content>What is advised about pages and told of them: madvise, msync, mlock, mincore, pagemap, smaps (S-BUF-36).</content>
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
        ["COLLAPSE"] = Errno.EINVAL,
        ["GUARD_INSTALL"] = Errno.EINVAL,
        ["GUARD_REMOVE"] = Errno.EINVAL,
        ["REMOVE"] = Errno.ENODEV,
        ["HWPOISON"] = Errno.EFAULT,
        ["SOFT_OFFLINE"] = Errno.EFAULT,
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

    /// <summary>madvise on a mapped range.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="address">Start.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="advice">The constant's name behind MADV_.</param>
    public Failure? Madvise(GuestProcess process, ulong address, ulong length, string advice)
    {
        using CallScope call = _gate.Enter(process);
        if ((call.Refused ?? Covered(process, "madvise", address, Page.AlignUp(length))) is { } failure)
        {
            return failure;
        }

        ulong end = address + Page.AlignUp(length);
        foreach (Vma vma in process.Addresses.Overlapping(address, end))
        {
            if (AdviceErrno(process, vma, advice) is not Errno.None and var errno)
            {
                return new Failure(errno, "madvise", "check advice",
                    $"MADV_{advice} is refused for the mapping at 0x{vma.Start:x} (S-BUF-36).", "advice");
            }
        }

        return Advise(process, address, end, advice);
    }

    // Memory of a process' own takes every advice that is known, but for giving shared memory away and for hugetlb alone. A hole is punched
    // into the file, so there has to be one, and the mapping must be able to write it; what has no fallocate has no holes (S-BUF-37).
    private static Errno AdviceErrno(GuestProcess process, Vma vma, string advice) =>
        !AdviceByPageFrame.TryGetValue(advice, out Errno byPageFrame) ? Errno.EINVAL
        : advice is "HWPOISON" or "SOFT_OFFLINE" && process.Uid != 0 ? Errno.EPERM
        : advice == "REMOVE" && vma.File is null ? Errno.EINVAL
        : advice == "REMOVE" && (vma.Private || !vma.May.HasFlag(MapProtection.Write)) ? Errno.EACCES
        : vma.ByPageFrame ? byPageFrame
        : advice is "FREE" or "WIPEONFORK" && !vma.Private ? Errno.EINVAL
        : advice is "HWPOISON" or "SOFT_OFFLINE" ? Errno.EOPNOTSUPP
        : Errno.None;

    private Failure? Advise(GuestProcess process, ulong start, ulong end, string advice)
    {
        if (advice is "DONTNEED" or "DONTNEED_LOCKED" or "FREE")
        {
            DropPages(process, start, end);
            return null;
        }

        if (advice == "REMOVE")
        {
            PunchHoles(process, start, end);
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

    private static void PunchHoles(GuestProcess process, ulong start, ulong end)
    {
        foreach (Vma vma in process.Addresses.Overlapping(start, end))
        {
            Vma part = vma.Part(Math.Max(start, vma.Start), Math.Min(end, vma.End));
            vma.Shmem!.Punch(part.Offset / vma.Shmem.BlockBytes, (part.Offset + part.Length) / vma.Shmem.BlockBytes);
        }
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
        using CallScope call = _gate.Enter(process);
        return (call.Refused ?? Covered(process, "msync", address, Page.AlignUp(length)))
            ?? (sync && process.Addresses.Find(address)!.ByPageFrame
                ? new Failure(Errno.EINVAL, "msync", "fsync", "A dma-buf has no fsync (S-BUF-36).", "flags")
                : null);
    }

    /// <summary>mlock and munlock: they succeed on what is mapped and change nothing here (S-BUF-36).</summary>
    public Failure? Mlock(GuestProcess process, ulong address, ulong length)
    {
        using CallScope call = _gate.Enter(process);
        return call.Refused ?? Covered(process, "mlock", address, Page.AlignUp(length));
    }

    /// <summary>mincore: which pages are resident. Heap mappings are not up to 7.2 and are in 7.3 (S-BUF-36, S-REC-53).</summary>
    public Result<bool[]> Mincore(GuestProcess process, ulong address, ulong length)
    {
        using CallScope call = _gate.Enter(process);
        if ((call.Refused ?? Covered(process, "mincore", address, Page.AlignUp(length))) is { } failure)
        {
            return failure;
        }

        ulong pages = Page.AlignUp(length) >> Page.Shift;
        if (pages > MostMincorePages)
        {
            return new Failure(Errno.EINVAL, "mincore", "check length",
                $"{pages} pages in one call; at most {MostMincorePages}.", "length");
        }

        bool[] resident = new bool[pages];
        for (int i = 0; i < resident.Length; i++)
        {
            ulong at = address + ((ulong)i << Page.Shift);
            resident[i] = IsResident(process, process.Addresses.Find(at)!, at);
        }

        return resident;
    }

    /// <summary>
    /// Entries of /proc/self/pagemap: bit 63 set and the frame number for a page that is there, 0 for others and for mappings by page-frame
    /// number, whose pages are no pages to it.
    /// </summary>
    /// <returns>EINVAL for an unaligned address or more than 2^20 pages.</returns>
    public Result<ulong[]> Pagemap(GuestProcess process, ulong address, ulong pages)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (!Page.IsAligned(address) || pages > MostMincorePages || address > AddressSpaceBytes)
        {
            return new Failure(Errno.EINVAL, "pagemap", "check range",
                $"0x{address:x} and {pages} pages are no range for one call.", "address");
        }

        ulong[] entries = new ulong[pages];
        for (int i = 0; i < entries.Length; i++)
        {
            ulong at = address + ((ulong)i << Page.Shift);
            entries[i] = FrameAt(process, at) is { } frame ? PagePresent | frame : 0;
        }

        return entries;
    }

    private static ulong? FrameAt(GuestProcess process, ulong at) =>
        process.Addresses.Find(at) is not { } vma || (vma.ByPageFrame && !vma.Private) ? null
        : process.Addresses.Pages.TryGetValue(at, out OwnPage? page) ? page.Frame
        : vma.Shmem?.Find((vma.Offset + (at - vma.Start)) / vma.Shmem.BlockBytes) is { } block ? FrameIn(vma, block, at)
        : null;

    private bool IsResident(GuestProcess process, Vma vma, ulong at) =>
        vma.ByPageFrame ? _core.Kernel.HeapMappingsResident : FrameAt(process, at) is not null;

    /// <summary>What /proc/self/smaps says of the mapping at an address.</summary>
    public Result<SmapsEntry> Smaps(GuestProcess process, ulong address)
    {
        using CallScope call = _gate.Enter(process);
        return call.Refused is { } dead ? dead
            : process.Addresses.Find(address) is { } vma ? SmapsEntry.Of(vma, process.Addresses)
            : new Failure(Errno.ENOENT, "smaps", "look up mapping", $"Address 0x{address:x} is not mapped.", "address");
    }
}
