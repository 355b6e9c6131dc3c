using System.Globalization;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Faults;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <summary>
/// Importers: attach, map, unmap, detach, pins, kernel mappings, and the CPU-access ioctl that syncs what is mapped.
/// Models: the system heap's dma-buf operations (S-SYS-40 to 46), the core around them (S-BUF-42 to 57, 60 to 68, 80), static and dynamic
/// importers. Does not model: the debugging copy of tables (S-BUF-50 step 4).
/// </summary>
public sealed partial class GuestImporters
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
    public Result<ImportedBuffer> Attach(GuestProcess process, int fd, string deviceName) => Attach(process, fd, deviceName, ImporterOps.None);

    /// <summary>dma_buf_dynamic_attach (S-BUF-43, 46, 47).</summary>
    /// <param name="process">The importer.</param>
    /// <param name="fd">fd of the buffer.</param>
    /// <param name="deviceName">Its device.</param>
    /// <param name="ops">Importer ops; None makes the attachment static.</param>
    /// <returns>As the other; EINVAL for ops that this kernel refuses; where attach maps (6.12), what map returns.</returns>
    public Result<ImportedBuffer> Attach(GuestProcess process, int fd, string deviceName, ImporterOps ops)
    {
        lock (_guest.Gate)
        {
            Result<DmaBuf> found = _guest.Buffers.Find(process, fd, "dma_buf_attach");
            if (!found.Ok)
            {
                return found.Failure;
            }

            ImporterRules rules = ImporterRules.Of(_guest.Shape.Kernel);
            if (ops == ImporterOps.WithoutInvalidate && rules.NeedsInvalidate)
            {
                return new Failure(Errno.EINVAL, "dma_buf_attach", "check importer ops",
                    $"Kernel {_guest.Kernel.Name} wants an invalidate callback from a dynamic importer (S-BUF-46).", "ops");
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
            var attachment = new Attachment(++_lastId, buffer, device.Value, process, ops);
            buffer.References++;
            buffer.AddAttachment(attachment);
            process.Attachments.Add(attachment.Id, attachment);
            _guest.Trace.Emit("dma_buf_get", buffer, fd);
            _guest.Trace.Emit("dma_buf_dynamic_attach", attachment, attachment.IsDynamic);
            if (rules.MapsAtAttach && attachment.IsDynamic != buffer.Exporter.Traits.Movable && MapAtAttach(attachment) is { } failure)
            {
                Remove(process, attachment);
                return failure;
            }

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

            if (found.Value.HeldByImporter || found.Value.Pins != 0)
            {
                return new Failure(Errno.EBUSY, "dma_buf_detach", "check mapping",
                    $"Attachment {id} is still mapped or pinned: undoing that first is the importer's duty (S-BUF-44).", "attachment");
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
            if (attachment.Revoked)
            {
                return new Failure(Errno.EINVAL, "dma_buf_map_attachment", "check revocation",
                    $"Attachment {id} did not let go of the buffer in time and was revoked.", "attachment");
            }

            if (attachment.HeldByImporter)
            {
                return new Failure(Errno.EBUSY, "dma_buf_map_attachment", "check mapping",
                    $"Attachment {id} is mapped already; mapping it twice would lose the first mapping's slots (S-BUF-52).", "attachment");
            }

            if (cpu >= _guest.Shape.Cpus)
            {
                return new Failure(Errno.EINVAL, "dma_buf_map_attachment", "check cpu",
                    string.Create(CultureInfo.InvariantCulture, $"cpu {cpu} does not exist; the guest has {_guest.Shape.Cpus}."), "cpu");
            }

            if (attachment.Cached)
            {
                // S-BUF-47: the table that attach made, without any DMA event.
                attachment.InUse = true;
                return new DmaMapping(attachment, BackingFor(attachment));
            }

            return MapExporter(attachment, direction, cpu) is { } failure
                ? failure
                : new DmaMapping(attachment, BackingFor(attachment)) { Wait = WaitForKernel(attachment) };
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

            if (!found.Value.HeldByImporter)
            {
                return new Failure(Errno.EINVAL, "dma_buf_unmap_attachment", "check mapping", $"Attachment {id} is not mapped.", "attachment");
            }

            if (found.Value.Cached)
            {
                found.Value.InUse = false;
                return null;
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
            bool end = (flags & SyncEnd) != 0;
            SyncOutcome outcome = found.Value.Exporter.Traits.CpuAccess ? SyncAll(found.Value, direction, end) : default;

            // S-BUF-63, 68: the exporter's part comes first, then the wait; END waits for nothing.
            return end ? outcome : outcome with
            {
                Wait = _guest.Fences.Waits.ForAll("DMA_BUF_IOCTL_SYNC",
                    found.Value.Fences.PendingOf(Reservation.UsageFor((access & SyncWrite) != 0)), GuestFences.LongestWait),
            };
        }
    }

    /// <summary>A dying process' importers let go: newest attachment first, unmapped before detached.</summary>
    internal void DropAll(GuestProcess process) => DropWhere(process, static _ => true);

    /// <summary>A device goes: its attachments, newest first.</summary>
    internal void DropAll(GuestProcess process, GuestDevice device) => DropWhere(process, a => ReferenceEquals(a.GuestDevice, device));

    private Failure? MapAtAttach(Attachment attachment)
    {
        Failure? failure = MapExporter(attachment, DmaDirection.Bidirectional, 0);
        attachment.Cached = failure is null;
        return failure;
    }

    // S-BUF-50 steps 1 and 2; S-BUF-47 pins a dynamic exporter for a static importer's cached table, too.
    private Failure? MapExporter(Attachment attachment, DmaDirection direction, uint cpu)
    {
        DmaBuf buffer = attachment.Buffer;
        if (buffer.Move is not null)
        {
            return Moving("dma_buf_map_attachment");
        }

        if (MapTable(attachment, direction, cpu) is { } failure)
        {
            return failure;
        }

        attachment.PinnedByMap = !attachment.IsDynamic && buffer.Exporter.Traits.Movable;
        buffer.Pins += attachment.PinnedByMap ? 1u : 0;
        return null;
    }

    private Failure? MapTable(Attachment attachment, DmaDirection direction, uint cpu)
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
        attachment.MapNumber++;
        attachment.Direction = direction;
        attachment.Bounced = IsBounced(attachment);
        return null;
    }

    private static VisibleBacking? BackingFor(Attachment attachment) =>
        attachment.Bounced || attachment.GuestDevice.Spec.Mediated ? null : attachment.Buffer.Backing;

    // S-BUF-50 step 3: a static attachment waits for kernel fences; interrupted, it is unmapped again.
    private FenceWait? WaitForKernel(Attachment attachment)
    {
        if (attachment.IsDynamic)
        {
            return null;
        }

        ulong number = attachment.MapNumber;
        return _guest.Fences.Waits.ForAll("dma_buf_map_attachment", attachment.Buffer.Fences.PendingOf(FenceUsage.Kernel),
            GuestFences.LongestWait, failure =>
            {
                if (failure is not null && attachment.Mapped && attachment.MapNumber == number)
                {
                    Unmap(attachment);
                }

                return failure;
            });
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
        attachment.Cached = false;
        attachment.InUse = false;
        if (attachment.PinnedByMap)
        {
            // S-BUF-54: unmapped first, then unpinned.
            attachment.PinnedByMap = false;
            attachment.Buffer.Pins--;
        }

        _guest.Moves.LetGo(attachment);
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
            Remove(process, attachment);
        }
    }

    private void Remove(GuestProcess process, Attachment attachment)
    {
        if (attachment.Mapped)
        {
            Unmap(attachment);
        }

        attachment.Buffer.Pins -= attachment.Buffer.Exporter.Traits.Movable ? attachment.Pins : 0;
        process.Attachments.Remove(attachment.Id);
        attachment.Buffer.RemoveAttachment(attachment);
        _guest.Trace.Emit("dma_buf_detach", attachment, attachment.IsDynamic);
        _guest.Trace.Emit("dma_buf_put", attachment.Buffer);
        GuestFiles.Put(attachment.Buffer);
    }

    private Result<Attachment> Find(GuestProcess process, ulong id, string operation) =>
        _guest.CheckAlive(process) is { } dead ? dead
        : process.Attachments.TryGetValue(id, out Attachment? attachment) ? attachment
        : new Failure(Errno.EINVAL, operation, "look up attachment", $"This process has no attachment {id}.", "attachment");
}
