using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <summary>
/// mmap, munmap and CPU access of emulated processes.
/// Models: the checks of mmap in their order (S-BUF-30, 31, 35; S-SYS-47, 49; S-REC-51), access by the mapping's rights and by the view of the
/// guest (S-PLAT-10 to 12). Does not model: the copies of MAP_PRIVATE mappings (a store through one is refused), mprotect,
/// mremap, partial munmap, faults as signals (EFAULT instead).
/// </summary>
public sealed partial class GuestMappings
{
    private const ulong AddressSpaceBytes = 1UL << 47;
    private readonly Guest _guest;

    internal GuestMappings(Guest guest) => _guest = guest;

    /// <summary>mmap of a dma-buf fd.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">The fd.</param>
    /// <param name="offset">Byte offset, page-aligned.</param>
    /// <param name="length">Bytes; null: from the offset to the end of the buffer.</param>
    /// <param name="protection">PROT bits; null: what the fd's access mode allows.</param>
    /// <param name="flags">MAP bits.</param>
    /// <returns>EBADF, EINVAL, EACCES, EPERM, ENOMEM, EOVERFLOW.</returns>
    public Result<MmapResult> Mmap(GuestProcess process, int fd, ulong offset, ulong? length, MapProtection? protection, MapFlags flags)
    {
        lock (_guest.Gate)
        {
            Result<GuestFile> found = _guest.Files.Find(process, fd, "mmap");
            if (!found.Ok)
            {
                return found.Failure;
            }

            GuestFile file = found.Value;
            ulong wanted = length ?? (file is MemoryFile whole && offset < whole.Size ? whole.Size - offset : Page.Size);
            MapProtection rights = protection ?? RightsOf(file.Access);
            if (Check(file, offset, wanted, rights, flags) is { } failure)
            {
                return failure;
            }

            ulong size = Page.AlignUp(wanted);
            Result<MapTarget> target = file.FindMapTarget(offset, size);
            if (!target.Ok)
            {
                return target.Failure;
            }

            (MemoryFile buffer, offset) = target.Value;
            if (CheckMemory(buffer, offset, size, flags) is { } refused)
            {
                return refused;
            }

            ulong address = process.Addresses.FindGap(size);
            if (address == 0)
            {
                return new Failure(Errno.ENOMEM, "mmap", "find address", "The process has no room for another mapping.");
            }

            // A private mapping copies on write, so it must not share the memfd's pages with its process.
            bool copyOnWrite = flags == MapFlags.Private;
            process.Addresses.Add(new Vma(address, size, buffer, offset, rights, copyOnWrite) { May = MayOf(buffer, copyOnWrite) });
            buffer.References++;
            return new MmapResult(address, size, copyOnWrite ? null : buffer.Backing, offset);
        }
    }

    /// <summary>munmap of a whole mapping.</summary>
    /// <returns>EINVAL when no mapping starts there.</returns>
    public Failure? Munmap(GuestProcess process, ulong address)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            if (process.Addresses.RemoveAt(address) is not { } vma)
            {
                return new Failure(Errno.EINVAL, "munmap", "look up mapping", $"No mapping of this process starts at 0x{address:x}.", "address");
            }

            GiveUp(process, vma);
            return null;
        }
    }

    // What mprotect may give later: the access mode decides for shared mappings (S-BUF-36), and newer kernels allow no execution (S-REC-51).
    private MapProtection MayOf(MemoryFile buffer, bool copyOnWrite) =>
        MapProtection.Read
        | (copyOnWrite || buffer.Writable ? MapProtection.Write : MapProtection.None)
        | (buffer is not DmaBuf || _guest.Kernel.MapsDmaBufsExecutable ? MapProtection.Execute : MapProtection.None);

    private static MapProtection RightsOf(AccessMode access) =>
        access == AccessMode.ReadOnly ? MapProtection.Read : MapProtection.Read | MapProtection.Write;

    // The first failing check wins: VFS (S-BUF-35, 30), dma-buf core (S-BUF-31), exporter (S-SYS-49).
    private Failure? Check(GuestFile file, ulong offset, ulong length, MapProtection rights, MapFlags flags)
    {
        ulong size = Page.AlignUp(length);
        if (length == 0 || !Page.IsAligned(offset))
        {
            return length == 0
                ? Wrong(Errno.EINVAL, "length", "length is 0.")
                : Wrong(Errno.EINVAL, "offset", $"offset {offset} is not page-aligned.");
        }

        if (size == 0 || size >= AddressSpaceBytes)
        {
            return Wrong(Errno.ENOMEM, "length", $"length {length} is larger than the address space.");
        }

        if (Page.FrameOf(offset) > (ulong.MaxValue - size) / Page.Size)
        {
            return Wrong(Errno.EOVERFLOW, "offset", $"offset {offset} plus length {length} overflows.");
        }

        if (flags is not (MapFlags.Shared or MapFlags.Private or MapFlags.SharedValidate))
        {
            return Wrong(Errno.EINVAL, "flags", $"flags 0x{(int)flags:x} are neither MAP_SHARED nor MAP_PRIVATE.");
        }

        return CheckRights(file, rights, flags);
    }

    private Failure? CheckMemory(MemoryFile buffer, ulong offset, ulong size, MapFlags flags)
    {
        if (buffer.Mmap == MmapStyle.None)
        {
            return Wrong(Errno.EINVAL, "fd", "The exporter has no mmap (S-BUF-31).");
        }

        if (offset > buffer.Size || size > buffer.Size - offset)
        {
            return Wrong(Errno.EINVAL, "length", $"offset {offset} plus length {size} ends behind the buffer of {buffer.Size} bytes (S-BUF-31).");
        }

        // After the core's checks and before the exporter's (S-TRC-62).
        if (buffer is DmaBuf traced)
        {
            _guest.Trace.Emit("dma_buf_mmap_internal", traced);
        }

        return CheckCopyOnWrite(buffer, offset, size, flags);
    }

    private Failure? CheckRights(GuestFile file, MapProtection rights, MapFlags flags)
    {
        if ((rights & ~(MapProtection.Read | MapProtection.Write | MapProtection.Execute)) != 0)
        {
            return Wrong(Errno.EINVAL, "prot", $"prot 0x{(int)rights:x} has unknown bits.");
        }

        bool shared = flags != MapFlags.Private;
        if (!file.Readable || (shared && rights.HasFlag(MapProtection.Write) && !file.Writable))
        {
            return Wrong(Errno.EACCES, "prot", $"The fd's access mode does not allow prot 0x{(int)rights:x} (S-BUF-30).");
        }

        return file is DmaBuf && rights.HasFlag(MapProtection.Execute) && !_guest.Kernel.MapsDmaBufsExecutable
            ? Wrong(Errno.EPERM, "prot", "A dma-buf cannot be mapped executable (S-REC-51).")
            : null;
    }

    private Failure? CheckCopyOnWrite(MemoryFile buffer, ulong offset, ulong size, MapFlags flags)
    {
        if (flags != MapFlags.Private)
        {
            return null;
        }

        if (_guest.Kernel.MapsHeapsByPage && size > Page.Size)
        {
            return Wrong(Errno.EINVAL, "flags", "This kernel maps heap buffers page by page, so a private mapping has one page at most (S-SYS-49).");
        }

        if (buffer.Mmap == MmapStyle.Fault)
        {
            return Wrong(Errno.EINVAL, "flags", "Memory that is mapped by faults takes shared mappings only (S-CMA-04).");
        }

        ulong start = 0;
        foreach (Chunk chunk in buffer.Chunks)
        {
            if (offset < start + chunk.Bytes)
            {
                return start + chunk.Bytes - offset >= size
                    ? null
                    : Wrong(Errno.EINVAL, "flags", "A private mapping has to lie inside one chunk of the buffer (S-SYS-49).");
            }

            start += chunk.Bytes;
        }

        return null;
    }

    private static Failure Wrong(Errno errno, string field, string sentence) => new(errno, "mmap", $"check {field}", sentence, field);
}
