using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Mappings;

/// <content>Calls that change ranges of the address space: munmap, mprotect, mremap (S-BUF-30, 36).</content>
public sealed partial class GuestMappings
{
    /// <summary>munmap of a range; what is not mapped there is no error.</summary>
    /// <returns>
    /// EINVAL for an address that is not page-aligned or a length of 0; ENOMEM when cutting would pass the limit of mappings.
    /// </returns>
    public Failure? Munmap(GuestProcess process, ulong address, ulong length)
    {
        using CallScope call = _gate.Enter(process);
        if ((call.Refused ?? CheckRange("munmap", address, length)) is { } failure)
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

    /// <summary>mprotect of a range that is mapped throughout.</summary>
    /// <returns>EINVAL, ENOMEM for a hole, EACCES for a right that the mapping may not get (S-BUF-36, S-REC-51).</returns>
    public Failure? Mprotect(GuestProcess process, ulong address, ulong length, MapProtection protection)
    {
        using CallScope call = _gate.Enter(process);
        if ((call.Refused ?? CheckProtection(protection)) is { } failure)
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
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
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
