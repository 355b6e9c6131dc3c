using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>Pins of dynamic importers (S-BUF-55), their waits, and kernel mappings (S-BUF-80).</summary>
public sealed partial class GuestImporters
{
    /// <summary>
    /// dma_buf_pin: the buffer does not move until unpinned. Nothing to do, and success, where the exporter cannot move it.
    /// </summary>
    /// <returns>EINVAL for an attachment that is unknown or static; EBUSY while the buffer moves.</returns>
    public Failure? Pin(GuestProcess process, ulong id)
    {
        using Lock.Scope held = _gate.Hold();
        Result<Attachment> found = FindDynamic(process, id, "dma_buf_pin");
        if (!found.Ok)
        {
            return found.Failure;
        }

        if (found.Value.Buffer.Move is not null)
        {
            return Moving("dma_buf_pin");
        }

        found.Value.Pins++;
        found.Value.Buffer.Pins += found.Value.Buffer.Exporter.Traits.Movable ? 1u : 0;
        return null;
    }

    /// <summary>dma_buf_unpin.</summary>
    /// <returns>EINVAL for an attachment that is unknown, static or not pinned.</returns>
    public Failure? Unpin(GuestProcess process, ulong id)
    {
        using Lock.Scope held = _gate.Hold();
        Result<Attachment> found = FindDynamic(process, id, "dma_buf_unpin");
        if (!found.Ok)
        {
            return found.Failure;
        }

        if (found.Value.Pins == 0)
        {
            return new Failure(Errno.EINVAL, "dma_buf_unpin", "check pins", $"Attachment {id} is not pinned.", "attachment");
        }

        found.Value.Pins--;
        found.Value.Buffer.Pins -= found.Value.Buffer.Exporter.Traits.Movable ? 1u : 0;
        return null;
    }

    /// <summary>The revoke of a dynamic import (S-PIN-34): unmapped, unpinned, and no later map. Repeating it is harmless.</summary>
    /// <returns>EINVAL for an attachment that is unknown or static.</returns>
    public Failure? Revoke(GuestProcess process, ulong id)
    {
        using Lock.Scope held = _gate.Hold();
        Result<Attachment> found = FindDynamic(process, id, "umem_dmabuf_revoke");
        if (found.Ok)
        {
            Revoke(found.Value);
        }

        return found.Failure;
    }

    /// <summary>The wait of an importer for a buffer's fences; null when there is none to wait for (S-RESV-02, S-PIN-31).</summary>
    /// <param name="process">The importer.</param>
    /// <param name="id">Its attachment.</param>
    /// <param name="usage">Fences up to this usage: KERNEL, or what a reader or writer waits for.</param>
    /// <returns>
    /// EINVAL for an unknown attachment. The wait itself ends with ETIMEDOUT after <see cref="GuestFences.LongestWait"/>.
    /// </returns>
    public Result<FenceWait?> WaitForFences(GuestProcess process, ulong id, FenceUsage usage)
    {
        using Lock.Scope held = _gate.Hold();
        Result<Attachment> found = Find(process, id, "dma_resv_wait");
        return found.Ok
            ? _fences.Waits.ForAll(process, "dma_resv_wait", found.Value.Buffer.Fences.PendingOf(usage), GuestFences.LongestWait)
            : found.Failure;
    }

    /// <summary>dma_buf_vmap: maps the buffer for the kernel, or counts one more user of the mapping (S-BUF-80).</summary>
    /// <returns>The count; EBADF, EINVAL for a fd that is no dma-buf or an exporter without the op; EBUSY while the buffer moves.</returns>
    public Result<uint> Vmap(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> found = _buffers.Find(process, fd, "dma_buf_vmap");
        if (!found.Ok)
        {
            return found.Failure;
        }

        DmaBuf buffer = found.Value;
        if (!buffer.Exporter.Traits.Vmap)
        {
            return new Failure(Errno.EINVAL, "dma_buf_vmap", "look up op",
                $"Exporter {buffer.Exporter.Name} has no vmap (S-BUF-80).", "fd");
        }

        if (buffer.Move is not null)
        {
            return Moving("dma_buf_vmap");
        }

        process.Vmaps[buffer] = process.Vmaps.GetValueOrDefault(buffer) + 1;
        buffer.References++;
        return ++buffer.Vmaps;
    }

    /// <summary>dma_buf_vunmap: the last one unmaps (S-BUF-80).</summary>
    /// <returns>The count left; EBADF, EINVAL for a fd that is no dma-buf or that the process has not vmapped.</returns>
    public Result<uint> Vunmap(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> found = _buffers.Find(process, fd, "dma_buf_vunmap");
        if (!found.Ok)
        {
            return found.Failure;
        }

        DmaBuf buffer = found.Value;
        if (process.Vmaps.GetValueOrDefault(buffer) == 0)
        {
            return new Failure(Errno.EINVAL, "dma_buf_vunmap", "check count", "This process has not vmapped the buffer.", "fd");
        }

        DropVmap(process, buffer);
        return buffer.Vmaps;
    }

    /// <summary>Kernel mappings of a dying process go.</summary>
    internal static void DropVmaps(GuestProcess process)
    {
        foreach (DmaBuf buffer in process.Vmaps.Keys.OrderBy(b => b.Inode).ToArray())
        {
            while (process.Vmaps.ContainsKey(buffer))
            {
                DropVmap(process, buffer);
            }
        }
    }

    /// <summary>A mapping is taken from an importer.</summary>
    internal void Revoke(Attachment attachment)
    {
        attachment.Revoked = true;
        attachment.Buffer.Pins -= attachment.Buffer.Exporter.Traits.Movable ? attachment.Pins : 0;
        attachment.Pins = 0;
        attachment.Mapped = false;
        Drop(attachment);
    }

    private static void DropVmap(GuestProcess process, DmaBuf buffer)
    {
        if (--process.Vmaps[buffer] == 0)
        {
            process.Vmaps.Remove(buffer);
        }

        buffer.Vmaps--;
        GuestFiles.Put(buffer);
    }

    private Result<Attachment> FindDynamic(GuestProcess process, ulong id, string operation)
    {
        Result<Attachment> found = Find(process, id, operation);
        return !found.Ok || found.Value.IsDynamic
            ? found
            : new Failure(Errno.EINVAL, operation, "check importer",
                $"Attachment {id} is static; only dynamic importers pin (S-BUF-55).", "attachment");
    }

    private static Failure Moving(string operation) => new(Errno.EBUSY, operation, "check move",
        "The exporter is moving the buffer; try again when its kernel fence has signalled.");
}
