using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Importers: attach, map, unmap, detach, and the CPU-access ioctl that syncs what is mapped.
/// Models: the exporters' dma-buf operations (S-SYS-40 to 46), the core around them,
/// for static and dynamic importers (S-BUF-42 to 56, 60 to 68).
/// Does not model: who else is told of a move than the importer's process.
/// </summary>
public sealed partial class GuestImporters
{
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestDevices _devices;
    private readonly GuestFences _fences;
    private readonly GuestBuffers _buffers;
    private readonly BufferTrace _trace;
    private readonly int _limit;
    private ulong _lastId;

    internal GuestImporters(
        GuestCore core, ProcessTable processes, GuestDevices devices, GuestFences fences, GuestBuffers buffers, BufferTrace trace)
    {
        _core = core;
        _gate = core.Gate;
        _devices = devices;
        _fences = fences;
        _buffers = buffers;
        _trace = trace;
        buffers.Sync = Sync;
        processes.Holders.Add(ProcessRelease.Attachments, DropAll);
        processes.Holders.Add(ProcessRelease.KernelMappings, DropVmaps);
        devices.Holders.Add(DeviceRelease.Attachments, device => DropAll(device.Owner, device));
        _limit = core.Limits.AttachmentsPerProcess;
    }

    /// <summary>Told of an attachment that unmaps: a move may have waited for it.</summary>
    internal Action<Attachment>? Unmapped { get; set; }

    /// <summary>dma_buf_attach. The importer takes a reference of its own until detach.</summary>
    /// <returns>EBADF, ENODEV for a device that is not the process' own, ENOMEM at the limit.</returns>
    public Result<ImportedBuffer> Attach(GuestProcess process, int fd, string deviceName) =>
        Attach(process, fd, deviceName, ImporterOps.None);

    /// <summary>dma_buf_dynamic_attach (S-BUF-43, 46, 47).</summary>
    /// <param name="process">The importer.</param>
    /// <param name="fd">fd of the buffer.</param>
    /// <param name="deviceName">Its device.</param>
    /// <param name="ops">Importer ops; None makes the attachment static.</param>
    /// <returns>As the other; EINVAL for ops that this kernel refuses; where attach maps (6.12), what map returns.</returns>
    public Result<ImportedBuffer> Attach(GuestProcess process, int fd, string deviceName, ImporterOps ops)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> found = _buffers.Find(process, fd, "dma_buf_attach");
        if (!found.Ok)
        {
            return found.Failure;
        }

        Result<GuestDevice> device = _devices.FindFor(process, deviceName, "dma_buf_attach");
        if (!device.Ok)
        {
            return device.Failure;
        }

        if (process.Attachments.Count >= _limit)
        {
            return new Failure(Errno.ENOMEM, "dma_buf_attach", "check limit", $"The process has {_limit} attachments already.");
        }

        DmaBuf buffer = found.Value;
        _trace.Emit("dma_buf_get", buffer, fd);
        Result<Attachment> attached = AttachTo(buffer, device.Value, process, ops);
        if (!attached.Ok)
        {
            return attached.Failure;
        }

        Attachment attachment = attached.Value;
        buffer.References++;
        process.Attachments.Add(attachment.Id, attachment);
        return new ImportedBuffer(attachment.Id, buffer.Size);
    }

    /// <summary>dma_buf_detach. EBUSY while mapped (S-BUF-44); EINVAL for an attachment that the process does not have.</summary>
    public Failure? Detach(GuestProcess process, ulong id)
    {
        using Lock.Scope held = _gate.Hold();
        Result<Attachment> found = Find(process, id, "dma_buf_detach");
        if (!found.Ok)
        {
            return found.Failure;
        }

        if (found.Value.Mapped || found.Value.Pins != 0)
        {
            return new Failure(Errno.EBUSY, "dma_buf_detach", "check mapping",
                $"Attachment {id} is still mapped or pinned: undoing that first is the importer's duty (S-BUF-44).", "attachment");
        }

        Remove(process, found.Value);
        return null;
    }

    /// <summary>dma_buf_map_attachment: dma_map_sgtable over the attachment's table (S-SYS-42), all or nothing.</summary>
    /// <param name="process">The importer.</param>
    /// <param name="id">The attachment.</param>
    /// <param name="direction">Direction.</param>
    /// <param name="cpu">CPU that maps; it picks the swiotlb area (S-SWI-26).</param>
    /// <returns>EIO, ENOMEM as S-DMA-50, 51; EBUSY when mapped already (S-BUF-52).</returns>
    public Result<DmaMapping> Map(GuestProcess process, ulong id, DmaDirection direction, uint cpu)
    {
        using Lock.Scope held = _gate.Hold();
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

        if (attachment.Mapped)
        {
            return new Failure(Errno.EBUSY, "dma_buf_map_attachment", "check mapping",
                $"Attachment {id} is mapped already: unmap it first. Mapped twice, it would lose the first mapping's slots (S-BUF-52).",
                "attachment");
        }

        if (cpu >= _core.Shape.Cpus)
        {
            return new Failure(Errno.EINVAL, "dma_buf_map_attachment", "check cpu",
                string.Create(CultureInfo.InvariantCulture, $"cpu {cpu} does not exist; the guest has {_core.Shape.Cpus}."), "cpu");
        }

        // What attach made (S-BUF-47) or the exporter kept (S-BUF-53) is there already.
        bool kept = attachment.Live;
        return MapNow(attachment, direction, (int)cpu) is { } failure
            ? failure
            : new DmaMapping(attachment, BackingFor(attachment)) { Wait = kept ? null : WaitForKernel(process, attachment) };
    }

    /// <summary>dma_buf_unmap_attachment (S-SYS-43). EINVAL when it is not mapped.</summary>
    public Failure? Unmap(GuestProcess process, ulong id)
    {
        using Lock.Scope held = _gate.Hold();
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

    /// <summary>A dying process' importers let go: newest attachment first, unmapped before detached.</summary>
    internal void DropAll(GuestProcess process) => DropWhere(process, static _ => true);

    /// <summary>A device goes: its attachments, newest first.</summary>
    internal void DropAll(GuestProcess process, GuestDevice device) => DropWhere(process, a => ReferenceEquals(a.GuestDevice, device));

    /// <summary>dma_buf_attach by a driver. It holds a reference of its own until detach (S-BUF-42).</summary>
    /// <returns>EINVAL for ops that this kernel refuses (S-BUF-46); ENOMEM; where attach maps, what map returns (S-BUF-47).</returns>
    internal Result<Attachment> AttachTo(DmaBuf buffer, GuestDevice device, GuestProcess owner, ImporterOps ops = ImporterOps.None)
    {
        var rules = ImporterRules.Of(_core.Shape.Kernel);
        if (ops == ImporterOps.WithoutInvalidate && rules.NeedsInvalidate)
        {
            return new Failure(Errno.EINVAL, "dma_buf_attach", "check importer ops",
                $"Kernel {_core.Kernel.Name} wants an invalidate callback from a dynamic importer (S-BUF-46).", "ops");
        }

        if (_core.FaultPoints.Fails(FaultPoint.Failslab))
        {
            return new Failure(Errno.ENOMEM, "dma_buf_attach", "copy sg_table", "No memory for the attachment (S-BUF-46, S-SYS-40).");
        }

        var attachment = new Attachment(++_lastId, buffer, device, owner, ops);
        buffer.AddAttachment(attachment);
        _trace.Emit("dma_buf_dynamic_attach", attachment, attachment.IsDynamic);
        if (rules.MapsAtAttach && attachment.IsDynamic != buffer.Exporter.Traits.Movable && MapAtAttach(attachment) is { } failure)
        {
            DetachFrom(attachment);
            return failure;
        }

        return attachment;
    }

    /// <summary>dma_buf_detach by a driver; a mapping that the exporter kept goes with it (S-BUF-53).</summary>
    internal void DetachFrom(Attachment attachment)
    {
        Unmap(attachment);
        Drop(attachment);
        attachment.Buffer.Pins -= attachment.Buffer.Exporter.Traits.Movable ? attachment.Pins : 0;
        attachment.Buffer.RemoveAttachment(attachment);
        _trace.Emit("dma_buf_detach", attachment, attachment.IsDynamic);
    }

    /// <summary>dma_buf_map_attachment by a driver (S-BUF-50, 53).</summary>
    /// <returns>What the DMA layer or the exporter says; EBUSY for another direction than the one kept.</returns>
    internal Failure? MapNow(Attachment attachment, DmaDirection direction, int cpu)
    {
        DmaBuf buffer = attachment.Buffer;
        if (buffer.Move is not null)
        {
            return Moving("dma_buf_map_attachment");
        }

        if (attachment.Live)
        {
            attachment.Mapped = attachment.Direction == direction || attachment.Direction == DmaDirection.Bidirectional;
            return attachment.Mapped ? null : new Failure(Errno.EBUSY, "dma_buf_map_attachment", "check kept mapping",
                $"The exporter keeps a mapping with direction {attachment.Direction} until detach (S-BUF-53).", "direction");
        }

        ExporterTraits traits = buffer.Exporter.Traits;
        DmaAttributes attributes = traits.MapAttributes
            | (buffer.Shared ? _core.Dma.Environment.Rules.SharedAttribute : DmaAttributes.None);
        attachment.Device.Cpu = cpu;
        _core.TraceRing.Cpu = (uint)cpu;
        ulong[] addresses = new ulong[buffer.Segments.Length];
        Result<int> mapped = _core.Dma.MapSg(attachment.Device, buffer.Segments, addresses, direction, attributes);
        if (!mapped.Ok)
        {
            // The CMA heap reports every failure alike (S-CMA-03).
            return traits.MapErrno == Errno.None ? mapped.Failure : mapped.Failure with { Errno = traits.MapErrno };
        }

        attachment.DmaAddresses = addresses;
        attachment.Mapped = true;
        attachment.Live = true;
        attachment.Direction = direction;
        attachment.BouncedSegments = CountBounced(attachment);
        attachment.MapNumber++;

        // S-BUF-50 step 1; S-BUF-47 pins a dynamic exporter for a static importer's cached table, too.
        attachment.PinnedByMap = !attachment.IsDynamic && traits.Movable;
        buffer.Pins += attachment.PinnedByMap ? 1u : 0;
        return null;
    }

    /// <summary>dma_buf_unmap_attachment: the flag first, then the unmap, without the shared attribute (S-SYS-43).</summary>
    internal void Unmap(Attachment attachment)
    {
        attachment.Mapped = false;
        if (!attachment.Buffer.Exporter.Traits.CachesMappings && !attachment.Cached)
        {
            Drop(attachment);
        }
    }

    // S-BUF-47: attach maps, and the importer's own map finds the table there.
    private Failure? MapAtAttach(Attachment attachment)
    {
        Failure? failure = MapNow(attachment, DmaDirection.Bidirectional, 0);
        attachment.Cached = failure is null;
        attachment.Mapped = false;
        return failure;
    }

    private static VisibleBacking? BackingFor(Attachment attachment) =>
        attachment.Bounced || attachment.GuestDevice.Spec.Mediated ? null : attachment.Buffer.Backing;

    // S-BUF-50 step 3: a static attachment waits for kernel fences; interrupted, it is unmapped again.
    private FenceWait? WaitForKernel(GuestProcess process, Attachment attachment)
    {
        if (attachment.IsDynamic)
        {
            return null;
        }

        // Hardly any buffer has kernel fences: a map without any makes nothing for a wait.
        Fence[] pending = attachment.Buffer.Fences.PendingOf(FenceUsage.Kernel);
        return pending.Length == 0 ? null : WaitFor(process, attachment, pending, attachment.MapNumber);
    }

    private FenceWait? WaitFor(GuestProcess process, Attachment attachment, Fence[] pending, ulong number) =>
        _fences.Waits.ForAll(process, "dma_buf_map_attachment", pending, GuestFences.LongestWait, failure =>
        {
            if (failure is not null && attachment.Live && attachment.MapNumber == number)
            {
                Unmap(attachment);
            }

            return failure;
        });

    private int CountBounced(Attachment attachment)
    {
        if (attachment.Device.Pool is not { } pool)
        {
            return 0;
        }

        AddressEncoding encoding = _core.Dma.Environment.Encoding;
        int bounced = 0;
        foreach (ulong address in attachment.DmaAddresses)
        {
            bounced += pool.Contains(encoding.Physical(address)) ? 1 : 0;
        }

        return bounced;
    }

    private void Drop(Attachment attachment)
    {
        if (!attachment.Live)
        {
            return;
        }

        attachment.Live = false;
        attachment.Cached = false;
        DmaBuf buffer = attachment.Buffer;
        _core.Dma.UnmapSg(attachment.Device, buffer.Segments, attachment.DmaAddresses, attachment.Direction,
            buffer.Exporter.Traits.UnmapAttributes);
        if (attachment.PinnedByMap)
        {
            // S-BUF-54: unmapped first, then unpinned.
            attachment.PinnedByMap = false;
            buffer.Pins--;
        }

        Unmapped?.Invoke(attachment);
    }

    private void DropWhere(GuestProcess process, Func<Attachment, bool> goes)
    {
        foreach (Attachment attachment in process.Attachments.Values.Where(goes).OrderByDescending(a => a.Id).ToArray())
        {
            Remove(process, attachment);
        }
    }

    /// <summary>A driver lets go of one attachment, mapped or not.</summary>
    internal void LetGo(GuestProcess process, ulong id)
    {
        if (process.Attachments.TryGetValue(id, out Attachment? attachment))
        {
            Remove(process, attachment);
        }
    }

    private void Remove(GuestProcess process, Attachment attachment)
    {
        process.Attachments.Remove(attachment.Id);
        DetachFrom(attachment);
        _trace.Emit("dma_buf_put", attachment.Buffer);
        GuestFiles.Put(attachment.Buffer);
    }

    private Result<Attachment> Find(GuestProcess process, ulong id, string operation) =>
        _gate.Begin(process) is { } dead ? dead
        : process.Attachments.TryGetValue(id, out Attachment? attachment) ? attachment
        : new Failure(Errno.EINVAL, operation, "look up attachment", $"This process has no attachment {id}.", "attachment");
}
