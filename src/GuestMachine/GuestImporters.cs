using System.Globalization;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Faults;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <summary>
/// Importers: attach, map, unmap, detach, and the CPU-access ioctl that syncs what is mapped.
/// Models: the system heap's dma-buf operations (S-SYS-40 to 46), the core around them (S-BUF-42 to 52, 60 to 67). Does not model: dynamic
/// importers, pinning, fences.
/// </summary>
public sealed class GuestImporters
{
    private const ulong SyncRead = 1;
    private const ulong SyncWrite = 2;
    private const ulong SyncEnd = 4;
    private readonly Guest _guest;
    private readonly int _limit;
    private ulong _lastId;

    internal GuestImporters(Guest guest, GuestLimits limits)
    {
        _guest = guest;
        _limit = limits.AttachmentsPerProcess;
    }

    /// <summary>dma_buf_attach. The importer takes a reference of its own until detach.</summary>
    /// <returns>EBADF, ENODEV for a device that is not the process' own, ENOMEM at the limit.</returns>
    public Result<ImportedBuffer> Attach(GuestProcess process, int fd, string deviceName)
    {
        lock (_guest.Gate)
        {
            Result<DmaBuf> found = _guest.Buffers.Find(process, fd, "dma_buf_attach");
            if (!found.Ok)
            {
                return found.Failure;
            }

            Result<GuestDevice> device = _guest.Devices.FindFor(process, deviceName, "dma_buf_attach");
            if (!device.Ok)
            {
                return device.Failure;
            }

            if (process.Attachments.Count >= _limit)
            {
                return new Failure(Errno.ENOMEM, "dma_buf_attach", "check limit", $"The process has {_limit} attachments already.");
            }

            if (_guest.FaultPoints.Fails(FaultPoint.Failslab))
            {
                return new Failure(Errno.ENOMEM, "dma_buf_attach", "copy sg_table", "No memory for the attachment (S-BUF-46, S-SYS-40).");
            }

            DmaBuf buffer = found.Value;
            var attachment = new Attachment(++_lastId, buffer, device.Value, process);
            buffer.References++;
            buffer.AddAttachment(attachment);
            process.Attachments.Add(attachment.Id, attachment);
            _guest.Trace.Emit("dma_buf_get", buffer, fd);
            _guest.Trace.Emit("dma_buf_dynamic_attach", attachment, isDynamic: false);
            return new ImportedBuffer(attachment.Id, buffer.Size);
        }
    }

    /// <summary>dma_buf_detach. EBUSY while mapped (S-BUF-44); EINVAL for an attachment that the process does not have.</summary>
    public Failure? Detach(GuestProcess process, ulong id)
    {
        lock (_guest.Gate)
        {
            Result<Attachment> found = Find(process, id, "dma_buf_detach");
            if (!found.Ok)
            {
                return found.Failure;
            }

            if (found.Value.Mapped)
            {
                return new Failure(Errno.EBUSY, "dma_buf_detach", "check mapping",
                    $"Attachment {id} is still mapped: unmapping first is the importer's duty (S-BUF-44).", "attachment");
            }

            Remove(process, found.Value);
            return null;
        }
    }

    /// <summary>dma_buf_map_attachment: dma_map_sgtable over the attachment's table (S-SYS-42), all or nothing.</summary>
    /// <param name="process">The importer.</param>
    /// <param name="id">The attachment.</param>
    /// <param name="direction">Direction.</param>
    /// <param name="cpu">CPU that maps; it picks the swiotlb area (S-SWI-26).</param>
    /// <returns>EIO, ENOMEM as S-DMA-50, 51; EBUSY when mapped already (S-BUF-52).</returns>
    public Result<DmaMapping> Map(GuestProcess process, ulong id, DmaDirection direction, uint cpu)
    {
        lock (_guest.Gate)
        {
            Result<Attachment> found = Find(process, id, "dma_buf_map_attachment");
            if (!found.Ok)
            {
                return found.Failure;
            }

            Attachment attachment = found.Value;
            if (attachment.Mapped)
            {
                return new Failure(Errno.EBUSY, "dma_buf_map_attachment", "check mapping",
                    $"Attachment {id} is mapped already; mapping it twice would lose the first mapping's slots (S-BUF-52).", "attachment");
            }

            if (cpu >= _guest.Shape.Cpus)
            {
                return new Failure(Errno.EINVAL, "dma_buf_map_attachment", "check cpu",
                    string.Create(CultureInfo.InvariantCulture, $"cpu {cpu} does not exist; the guest has {_guest.Shape.Cpus}."), "cpu");
            }

            return MapChecked(attachment, direction, cpu);
        }
    }

    /// <summary>dma_buf_unmap_attachment (S-SYS-43). EINVAL when it is not mapped.</summary>
    public Failure? Unmap(GuestProcess process, ulong id)
    {
        lock (_guest.Gate)
        {
            Result<Attachment> found = Find(process, id, "dma_buf_unmap_attachment");
            if (!found.Ok)
            {
                return found.Failure;
            }

            if (!found.Value.Mapped)
            {
                return new Failure(Errno.EINVAL, "dma_buf_unmap_attachment", "check mapping", $"Attachment {id} is not mapped.", "attachment");
            }

            Unmap(found.Value);
            return null;
        }
    }

    /// <summary>DMA_BUF_IOCTL_SYNC (S-BUF-60 to 65): syncs every mapped attachment of the buffer, newest first (S-SYS-44, 45).</summary>
    /// <returns>EBADF; EINVAL for unknown bits or neither READ nor WRITE.</returns>
    public Result<SyncOutcome> Sync(GuestProcess process, int fd, ulong flags)
    {
        lock (_guest.Gate)
        {
            Result<DmaBuf> found = _guest.Buffers.Find(process, fd, "DMA_BUF_IOCTL_SYNC");
            if (!found.Ok)
            {
                return found.Failure;
            }

            ulong access = flags & (SyncRead | SyncWrite);
            if ((flags & ~(SyncRead | SyncWrite | SyncEnd)) != 0 || access == 0)
            {
                return new Failure(Errno.EINVAL, "DMA_BUF_IOCTL_SYNC", "check flags", access == 0
                    ? $"flags 0x{flags:x} ask for neither READ nor WRITE (S-BUF-62)."
                    : $"flags 0x{flags:x} have bits outside READ, WRITE and END (S-BUF-61).", "flags");
            }

            DmaDirection direction = access switch
            {
                SyncRead => DmaDirection.FromDevice,
                SyncWrite => DmaDirection.ToDevice,
                _ => DmaDirection.Bidirectional,
            };
            return SyncAll(found.Value, direction, toDevice: (flags & SyncEnd) != 0);
        }
    }

    /// <summary>A dying process' importers let go: newest attachment first, unmapped before detached.</summary>
    internal void DropAll(GuestProcess process) => DropWhere(process, static _ => true);

    /// <summary>A device goes: its attachments, newest first.</summary>
    internal void DropAll(GuestProcess process, GuestDevice device) => DropWhere(process, a => ReferenceEquals(a.GuestDevice, device));

    private Result<DmaMapping> MapChecked(Attachment attachment, DmaDirection direction, uint cpu)
    {
        DmaBuf buffer = attachment.Buffer;
        DmaAttributes attributes = buffer.Exporter.Traits.MapAttributes
            | (buffer.Shared ? _guest.Dma.Environment.Rules.SharedAttribute : DmaAttributes.None);
        attachment.Device.Cpu = (int)cpu;
        _guest.Trace.RunsOn(cpu);
        var addresses = new ulong[buffer.Segments.Length];
        Result<int> mapped = _guest.Dma.MapSg(attachment.Device, buffer.Segments, addresses, direction, attributes);
        if (!mapped.Ok)
        {
            // The CMA heap reports every failure alike (S-CMA-03).
            Errno own = buffer.Exporter.Traits.MapErrno;
            return own == Errno.None ? mapped.Failure : mapped.Failure with { Errno = own };
        }

        attachment.DmaAddresses = addresses;
        attachment.Mapped = true;
        attachment.Direction = direction;
        attachment.Bounced = IsBounced(attachment);
        bool handOut = buffer.Backing is not null && !attachment.Bounced && !attachment.GuestDevice.Spec.Mediated;
        return new DmaMapping(attachment, handOut ? buffer.Backing : null);
    }

    // Entries are judged one by one (S-DMA-50), so a table may bounce in parts.
    private bool IsBounced(Attachment attachment)
    {
        if (attachment.Device.Pool is not { } pool)
        {
            return false;
        }

        AddressEncoding encoding = _guest.Dma.Environment.Encoding;
        foreach (ulong address in attachment.DmaAddresses)
        {
            if (pool.Contains(encoding.Physical(address)))
            {
                return true;
            }
        }

        return false;
    }

    // S-SYS-43: the flag first, then the unmap, without the shared attribute.
    private void Unmap(Attachment attachment)
    {
        attachment.Mapped = false;
        _guest.Dma.UnmapSg(attachment.Device, attachment.Buffer.Segments, attachment.DmaAddresses, attachment.Direction,
            attachment.Buffer.Exporter.Traits.UnmapAttributes);
    }

    private SyncOutcome SyncAll(DmaBuf buffer, DmaDirection direction, bool toDevice)
    {
        ulong before = _guest.Memory.BouncedBytes;
        foreach (Attachment attachment in buffer.Attachments)
        {
            if (!attachment.Mapped)
            {
                continue;
            }

            _guest.Dma.SyncSg(attachment.Device, buffer.Segments, attachment.DmaAddresses, direction, forCpu: !toDevice);
        }

        ulong moved = _guest.Memory.BouncedBytes - before;
        return toDevice ? new SyncOutcome(0, moved) : new SyncOutcome(moved, 0);
    }

    private void DropWhere(GuestProcess process, Func<Attachment, bool> goes)
    {
        foreach (Attachment attachment in process.Attachments.Values.Where(goes).OrderByDescending(a => a.Id).ToArray())
        {
            if (attachment.Mapped)
            {
                Unmap(attachment);
            }

            Remove(process, attachment);
        }
    }

    private void Remove(GuestProcess process, Attachment attachment)
    {
        process.Attachments.Remove(attachment.Id);
        attachment.Buffer.RemoveAttachment(attachment);
        _guest.Trace.Emit("dma_buf_detach", attachment, isDynamic: false);
        _guest.Trace.Emit("dma_buf_put", attachment.Buffer);
        GuestFiles.Put(attachment.Buffer);
    }

    private Result<Attachment> Find(GuestProcess process, ulong id, string operation) =>
        _guest.CheckAlive(process) is { } dead ? dead
        : process.Attachments.TryGetValue(id, out Attachment? attachment) ? attachment
        : new Failure(Errno.EINVAL, operation, "look up attachment", $"This process has no attachment {id}.", "attachment");
}
