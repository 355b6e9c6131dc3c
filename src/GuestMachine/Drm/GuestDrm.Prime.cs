using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Drm;

/// <content>PRIME: objects out as dma-bufs and in from them, each pair one object (S-GPU-01 to 06, 11, 12).</content>
public sealed partial class GuestDrm
{
    /// <summary>PRIME_FD_TO_HANDLE: import (S-GPU-02, 03, 11). The flags word of the ioctl is ignored, so it is no argument here.</summary>
    /// <returns>A handle; EBADF, EINVAL for a fd that is no dma-buf, ENOMEM, and what attach and map say.</returns>
    public Result<uint> FdToHandle(GuestProcess process, int fd, int bufferFd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DrmFile> file = Find(process, fd, "DRM_IOCTL_PRIME_FD_TO_HANDLE");
        if (!file.Ok)
        {
            return file.Failure;
        }

        Result<DmaBuf> buffer = _buffers.Find(process, bufferFd, "DRM_IOCTL_PRIME_FD_TO_HANDLE");
        return !buffer.Ok ? buffer.Failure
            : file.Value.CachedHandle(buffer.Value) is var cached && cached != 0 ? cached
            : Import(process, file.Value, buffer.Value);
    }

    /// <summary>
    /// PRIME_HANDLE_TO_FD: export (S-GPU-01, 04, 11). An imported object gives back its dma-buf, an exported one the same again. The fd's
    /// number is taken before the object is looked up, so a full table exports nothing (S-BUF-88).
    /// </summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">The node.</param>
    /// <param name="handle">The object.</param>
    /// <param name="flags">DRM_CLOEXEC 0x80000, DRM_RDWR 2; the access mode matters for a first export only.</param>
    /// <returns>EINVAL for other flags, EMFILE, ENOENT for an unknown handle, ENOMEM.</returns>
    public Result<BufferHandle> HandleToFd(GuestProcess process, int fd, uint handle, uint flags)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DrmFile> file = Find(process, fd, "DRM_IOCTL_PRIME_HANDLE_TO_FD");
        if (!file.Ok)
        {
            return file.Failure;
        }

        if ((flags & ~(CloseOnExecBit | ReadWriteBit)) != 0)
        {
            return new Failure(Errno.EINVAL, "DRM_IOCTL_PRIME_HANDLE_TO_FD", "check flags",
                $"flags 0x{flags:x} have bits outside DRM_CLOEXEC and DRM_RDWR (S-GPU-01).", "flags");
        }

        if (GuestFiles.Reserve(process, "DRM_IOCTL_PRIME_HANDLE_TO_FD") is { } full)
        {
            return full;
        }

        if (file.Value.Find(handle) is not { } gem)
        {
            return NoHandle("DRM_IOCTL_PRIME_HANDLE_TO_FD", handle, Errno.ENOENT);
        }

        Result<DmaBuf> buffer = BufferOf(file.Value, handle, gem, (AccessMode)(flags & ReadWriteBit));
        if (!buffer.Ok)
        {
            return buffer.Failure;
        }

        int got = GuestFiles.InstallReserved(process, buffer.Value, (flags & CloseOnExecBit) != 0);
        return new BufferHandle(got, buffer.Value.Size, buffer.Value.Inode, buffer.Value.Backing is not null);
    }

    private Result<uint> Import(GuestProcess process, DrmFile file, DmaBuf buffer)
    {
        // The device's own object comes back as itself, another device's is imported like any dma-buf.
        GemObject? own = _exporter.Find(buffer);
        Result<GemObject> gem = own is not null && ReferenceEquals(own.Device, file.Device)
            ? own
            : MakeImported(process, file.Device, buffer);
        if (!gem.Ok)
        {
            return gem.Failure;
        }

        // The table of handles takes a node in advance; without it a later, smaller allocation does.
        _ = _core.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab);
        uint handle = file.Add(gem.Value);
        if (gem.Value.DmaBuf is null)
        {
            gem.Value.DmaBuf = buffer;
            buffer.References++;
        }

        file.Cache(buffer, handle);
        return handle;
    }

    private Result<GemObject> MakeImported(GuestProcess process, DrmDevice device, DmaBuf buffer)
    {
        Result<Attachment> attached = _importers.AttachTo(buffer, device.Device, process);
        if (!attached.Ok)
        {
            return attached.Failure;
        }

        buffer.References++;
        Failure? failure = _core.Kernel.DrmMapsImports ? _importers.MapNow(attached.Value, DmaDirection.Bidirectional, cpu: 0) : null;
        failure ??= _core.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab)
            ? new Failure(Errno.ENOMEM, "DRM_IOCTL_PRIME_FD_TO_HANDLE", "allocate object", "No memory for the object.")
            : null;
        if (failure is not null)
        {
            _importers.DetachFrom(attached.Value);
            GuestFiles.Put(buffer);
            return failure;
        }

        return new GemObject(this, device, _files.NextInode(), buffer.Size) { Import = attached.Value };
    }

    private Result<DmaBuf> BufferOf(DrmFile file, uint handle, GemObject gem, AccessMode access)
    {
        if (file.CachedBuffer(handle) is { } cached)
        {
            return cached;
        }

        DmaBuf? known = gem.Import?.Buffer ?? gem.DmaBuf;
        if (known is null)
        {
            Result<DmaBuf> made = Export(gem, access);
            if (!made.Ok)
            {
                return made.Failure;
            }

            known = made.Value;
        }

        file.Cache(known, handle);
        return known;
    }

    private Result<DmaBuf> Export(GemObject gem, AccessMode access)
    {
        if (TakePages(gem, "DRM_IOCTL_PRIME_HANDLE_TO_FD") is { } failure)
        {
            return failure;
        }

        if (_core.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab))
        {
            return new Failure(Errno.ENOMEM, "DRM_IOCTL_PRIME_HANDLE_TO_FD", "dma_buf_export", "No memory for the dma-buf.");
        }

        DmaBuf buffer = _buffers.Export(gem.Device.Exporter, gem.Size, gem.Chunks, access, SegmentsOf(gem.Chunks), gem.Fences);
        _exporter.Add(buffer, gem);
        gem.DmaBuf = buffer;
        buffer.References++;
        return buffer;
    }

    // S-GPU-05: neighbouring pages are one entry, up to the device's largest mapping.
    private SgEntry[] SegmentsOf(Chunk[] pages)
    {
        ulong largest = _core.Dma.DefaultPool is null ? ulong.MaxValue : SwiotlbPool.SegmentBytes;
        var entries = new List<SgEntry>();
        foreach (Chunk page in pages)
        {
            SgEntry last = entries.Count == 0 ? default : entries[^1];
            if (entries.Count != 0 && last.Phys + last.Length == page.Address && last.Length + page.Bytes <= largest)
            {
                entries[^1] = last with { Length = last.Length + page.Bytes };
                continue;
            }

            entries.Add(new SgEntry(page.Address, page.Bytes));
        }

        return [.. entries];
    }
}
