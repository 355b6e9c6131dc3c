using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Mappings;

/// <summary>
/// mmap, munmap and CPU access of emulated processes.
/// Models: the checks of mmap in their order (S-BUF-30, 31, 35; S-SYS-47, 53; S-REC-51), access by the mapping's rights and by the view of
/// the guest (S-PLAT-10 to 12), anonymous memory, copies on write, changes of ranges, what a touch gets. Does not model: mapping flags that
/// only tune (MAP_POPULATE, MAP_NORESERVE and their like are refused), huge pages, swap.
/// </summary>
public sealed partial class GuestMappings
{
    private const ulong AddressSpaceBytes = 1UL << 47;
    private const MapFlags AnyFixed = MapFlags.Fixed | MapFlags.FixedNoReplace;
    private const MapFlags KnownFlags = MapFlags.SharedValidate | MapFlags.Anonymous | AnyFixed;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestFiles _files;

    internal GuestMappings(GuestCore core, ProcessTable processes, GuestFiles files)
    {
        _core = core;
        _gate = core.Gate;
        _files = files;
        processes.Holders.Add(ProcessRelease.Mappings, DropAll);
    }

    /// <summary>How often a mapping was made with the page protection of shared memory (S-SYS-47).</summary>
    internal ulong DecryptedProtections { get; private set; }

    /// <summary>mmap.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">The fd; ignored with MAP_ANONYMOUS.</param>
    /// <param name="offset">Byte offset, page-aligned; without meaning for MAP_ANONYMOUS.</param>
    /// <param name="length">Bytes; null: from the offset to the end of the buffer.</param>
    /// <param name="protection">PROT bits; null: what the fd's access mode allows.</param>
    /// <param name="flags">MAP bits.</param>
    /// <param name="address">Where to map, with MAP_FIXED or MAP_FIXED_NOREPLACE; else ignored.</param>
    /// <returns>EBADF, EINVAL, EACCES, EPERM, EEXIST, ENOMEM, EOVERFLOW, ENODEV.</returns>
    public Result<MmapResult> Mmap(
        GuestProcess process, int fd, ulong offset, ulong? length, MapProtection? protection, MapFlags flags, ulong address = 0)
    {
        using Lock.Scope held = _gate.Hold();
        return flags.HasFlag(MapFlags.Anonymous)
            ? MapMemory(process, offset, length ?? 0, protection ?? (MapProtection.Read | MapProtection.Write), flags, address)
            : MapFile(process, fd, offset, length, protection, flags, address);
    }

    /// <summary>mmap of anonymous private memory.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="protection">Rights.</param>
    /// <returns>EINVAL for length 0 or unknown rights, ENOMEM without room.</returns>
    public Result<MmapResult> MmapAnonymous(GuestProcess process, ulong length, MapProtection protection) =>
        Mmap(process, -1, 0, length, protection, MapFlags.Private | MapFlags.Anonymous);

    /// <summary>munmap of a whole mapping.</summary>
    /// <returns>EINVAL when no mapping starts there.</returns>
    public Failure? Munmap(GuestProcess process, ulong address)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (process.Addresses.RemoveAt(address) is not { } vma)
        {
            return new Failure(Errno.EINVAL, "munmap", "look up mapping",
                $"No mapping of this process starts at 0x{address:x}.", "address");
        }

        GiveUp(process, vma);
        return null;
    }

    private Result<MmapResult> MapFile(
        GuestProcess process, int fd, ulong offset, ulong? length, MapProtection? protection, MapFlags flags, ulong address)
    {
        Result<CheckedMap> check = Check(process, fd, offset, length, protection, flags, address);
        if (!check.Ok)
        {
            return check.Failure;
        }

        (GuestFile file, MemoryFile buffer, ulong start, ulong size, MapProtection rights) = check.Value;

        // A private mapping copies on write, so it must not share the memfd's pages with its process.
        bool copyOnWrite = flags.HasFlag(MapFlags.Private) && !flags.HasFlag(MapFlags.Shared);
        Result<ulong> place = Place(process, address, size, flags);
        if (!place.Ok)
        {
            return place.Failure;
        }

        process.Addresses.Add(new Vma(place.Value, size, buffer, start, rights, copyOnWrite) { May = MayOf(file, copyOnWrite) });
        buffer.References++;
        return new MmapResult(place.Value, size, copyOnWrite ? null : buffer.Backing, start);
    }

    /// <summary>All that mmap of a file does up to the mapping itself.</summary>
    internal Result<CheckedMap> Check(
        GuestProcess process, int fd, ulong offset, ulong? length, MapProtection? protection, MapFlags flags, ulong address = 0)
    {
        Result<GuestFile> found = _files.Find(process, fd, "mmap");
        if (!found.Ok)
        {
            return found.Failure;
        }

        GuestFile file = found.Value;
        ulong wanted = length ?? (file is MemoryFile whole && offset < whole.Size ? whole.Size - offset : Page.Size);
        MapProtection rights = protection ?? RightsOf(file.Access);
        ulong size = Page.AlignUp(wanted);
        if ((CheckCall(offset, wanted, rights, flags) ?? CheckPlace(process, address, size, flags) ?? CheckRights(file, rights, flags))
            is { } failure)
        {
            return failure;
        }

        Result<MapTarget> target = file.FindMapTarget(offset, size);
        return !target.Ok ? target.Failure
            : CheckMemory(target.Value.Memory, target.Value.Offset, size, flags) is { } refused ? refused
            : new CheckedMap(file, target.Value.Memory, target.Value.Offset, size, rights);
    }

    private Result<MmapResult> MapMemory(
        GuestProcess process, ulong offset, ulong length, MapProtection rights, MapFlags flags, ulong address)
    {
        ulong size = Page.AlignUp(length);
        if ((_gate.Begin(process) ?? CheckCall(offset, length, rights, flags) ?? CheckPlace(process, address, size, flags)
            ?? CheckOvercommit(size)) is { } failure)
        {
            return failure;
        }

        Result<ulong> place = Place(process, address, size, flags);
        if (!place.Ok)
        {
            return place.Failure;
        }

        bool shared = flags.HasFlag(MapFlags.Shared);
        process.Addresses.Add(new Vma(place.Value, size, shared ? NewShared(size) : null, 0, rights, !shared));
        return new MmapResult(place.Value, size, null, 0);
    }

    // Shared anonymous memory is a file of its own, as it is in the kernel.
    private ShmemFile NewShared(ulong size)
    {
        var file = new ShmemFile(_core.SinglePages, _files.NextInode(), sealable: false, huge: false) { References = 1 };
        file.Resize(size);
        return file;
    }

    // The kernel refuses what can never fit, and believes the rest.
    private Failure? CheckOvercommit(ulong size) =>
        size > _core.Shape.MemoryBytes
            ? Wrong(Errno.ENOMEM, "length", $"{size} bytes are more than the guest's memory of {_core.Shape.MemoryBytes}.")
            : null;

    // What mprotect may give later: the access mode decides for shared mappings (S-BUF-36),
    // and newer kernels allow no execution (S-REC-51).
    internal MapProtection MayOf(GuestFile file, bool copyOnWrite) =>
        MapProtection.Read
        | (copyOnWrite || file.Writable ? MapProtection.Write : MapProtection.None)
        | (file.RefusesExecution(_core.Kernel) ? MapProtection.None : MapProtection.Execute);

    private static MapProtection RightsOf(AccessMode access) =>
        access == AccessMode.ReadOnly ? MapProtection.Read : MapProtection.Read | MapProtection.Write;

    // The first failing check wins: arguments (S-BUF-35), place, access mode (S-BUF-30), dma-buf core (S-BUF-31), exporter (S-SYS-53).
    private static Failure? CheckCall(ulong offset, ulong length, MapProtection rights, MapFlags flags)
    {
        ulong size = Page.AlignUp(length);
        MapFlags kind = flags & MapFlags.SharedValidate;
        return length == 0 ? Wrong(Errno.EINVAL, "length", "length is 0.")
            : !Page.IsAligned(offset) ? Wrong(Errno.EINVAL, "offset", $"offset {offset} is not page-aligned.")
            : size == 0 || size >= AddressSpaceBytes ? Wrong(Errno.ENOMEM, "length", $"length {length} is larger than the address space.")
            : Page.FrameOf(offset) > (ulong.MaxValue - size) / Page.Size
                ? Wrong(Errno.EOVERFLOW, "offset", $"offset {offset} plus length {length} overflows.")
            : kind == MapFlags.None ? Wrong(Errno.EINVAL, "flags", $"flags 0x{(int)flags:x} are neither MAP_SHARED nor MAP_PRIVATE.")
            : (flags & ~KnownFlags) != 0
                ? Wrong(kind == MapFlags.SharedValidate ? Errno.EOPNOTSUPP : Errno.EINVAL, "flags",
                    $"flags 0x{(int)flags:x} have unknown bits.")
            : CheckProtection(rights);
    }

    private static Failure? CheckPlace(GuestProcess process, ulong address, ulong size, MapFlags flags) =>
        (flags & AnyFixed) == 0 ? null
        : !Page.IsAligned(address) ? Wrong(Errno.EINVAL, "address", $"address 0x{address:x} is not page-aligned.")
        : address > AddressSpace.Top || size > AddressSpace.Top - address
            ? Wrong(Errno.ENOMEM, "address", $"0x{address:x} + {size} ends behind the address space.")
        : address < AddressSpace.Bottom ? Wrong(Errno.EPERM, "address", $"0x{address:x} is below the lowest mappable address.")
        : flags.HasFlag(MapFlags.FixedNoReplace) && process.Addresses.Overlapping(address, address + size).Length != 0
            ? Wrong(Errno.EEXIST, "address", $"Something is mapped between 0x{address:x} and 0x{address + size:x}.")
        : null;

    // MAP_FIXED takes away what lies there, once nothing can fail any more.
    private Result<ulong> Place(GuestProcess process, ulong address, ulong size, MapFlags flags)
    {
        AddressSpace space = process.Addresses;
        bool isFixed = (flags & AnyFixed) != 0;
        int more = isFixed ? 1 + space.CutsNeeded(address, address + size) - space.CountInside(address, address + size) : 1;
        if (!space.HasRoomFor(more) || space.Bytes + size > process.Limits.AddressSpaceBytes)
        {
            return new Failure(Errno.ENOMEM, "mmap", "check limits", "The process has no room for another mapping.");
        }

        if (!isFixed)
        {
            ulong gap = space.FindGap(size);
            return gap != 0 ? gap : new Failure(Errno.ENOMEM, "mmap", "find address", $"The process has no {size} bytes in one piece.");
        }

        foreach (Vma covered in space.TakeOut(address, address + size))
        {
            GiveUp(process, covered);
        }

        return address;
    }

    private Failure? CheckMemory(MemoryFile buffer, ulong offset, ulong size, MapFlags flags)
    {
        if (buffer.Mmap == MmapStyle.None)
        {
            return Wrong(Errno.EINVAL, "fd", "The exporter has no mmap (S-BUF-31, S-TEE-03).");
        }

        if (offset > buffer.Size || size > buffer.Size - offset)
        {
            return Wrong(Errno.EINVAL, "length",
                $"offset {offset} plus length {size} ends behind the buffer of {buffer.Size} bytes (S-BUF-31).");
        }

        // After the core's checks and before the exporter's (S-TRC-62).
        buffer.MmapAsked();

        // The exporter chooses the protection first and may refuse then.
        DecryptedProtections += buffer.Shared ? 1UL : 0;
        return flags.HasFlag(MapFlags.Shared) ? null
            : buffer.Mmap == MmapStyle.Fault
                ? Wrong(Errno.EINVAL, "flags", "Memory that is mapped by faults takes shared mappings only (S-CMA-04).")
            : CheckCopyOnWrite(buffer, offset, size);
    }

    private Failure? CheckRights(GuestFile file, MapProtection rights, MapFlags flags) =>
        !file.Readable || (flags.HasFlag(MapFlags.Shared) && rights.HasFlag(MapProtection.Write) && !file.Writable)
            ? Wrong(Errno.EACCES, "prot", $"The fd's access mode does not allow prot 0x{(int)rights:x} (S-BUF-30).")
        : rights.HasFlag(MapProtection.Execute) && file.RefusesExecution(_core.Kernel)
            ? Wrong(Errno.EPERM, "prot", "A dma-buf cannot be mapped executable (S-REC-51).")
        : null;

    private Failure? CheckCopyOnWrite(MemoryFile buffer, ulong offset, ulong size)
    {
        if (_core.Kernel.MapsHeapsByPage && size > Page.Size)
        {
            return Wrong(Errno.EINVAL, "flags",
                "This kernel maps heap buffers page by page, so a private mapping has one page at most (S-SYS-53).");
        }

        ulong start = 0;
        foreach (Chunk chunk in buffer.Chunks)
        {
            if (offset < start + chunk.Bytes)
            {
                return start + chunk.Bytes - offset >= size
                    ? null
                    : Wrong(Errno.EINVAL, "flags", "A private mapping has to lie inside one chunk of the buffer (S-SYS-53).");
            }

            start += chunk.Bytes;
        }

        return null;
    }

    private static Failure Wrong(Errno errno, string field, string sentence) => new(errno, "mmap", $"check {field}", sentence, field);

    /// <summary>Takes all mappings of a process away, in the order of addresses.</summary>
    internal void DropAll(GuestProcess process)
    {
        foreach (Vma vma in process.Addresses.Ascending().ToArray())
        {
            process.Addresses.RemoveAt(vma.Start);
            GiveUp(process, vma);
        }
    }
}
