using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Devices;

/// <content>Streaming mappings: map, sync, unmap.</content>
public sealed partial class GuestDmaApi
{
    private delegate Result<ulong> MapCall(DmaDevice device, ulong phys, ulong size, DmaDirection direction, DmaAttributes attributes);

    /// <summary><c>dma_map_phys</c> of pages that the process took; with MMIO of any range (S-DMA-40).</summary>
    /// <param name="process">The driver.</param>
    /// <param name="device">Its device; empty: the built-in one.</param>
    /// <param name="phys">Guest-physical address.</param>
    /// <param name="size">Bytes, at least 1.</param>
    /// <param name="direction">Direction.</param>
    /// <param name="attributes">Attributes.</param>
    /// <param name="cpu">CPU that maps; it picks the swiotlb area (S-SWI-26).</param>
    /// <returns>
    /// The DMA address; ENOMEM where the kernel gives <c>DMA_MAPPING_ERROR</c>; ENODEV; EINVAL for other memory, a wrong direction, size,
    /// cpu or attribute bits that no kernel knows.
    /// </returns>
    public Result<ulong> MapPhys(
        GuestProcess process, string device, ulong phys, ulong size, DmaDirection direction,
        DmaAttributes attributes = DmaAttributes.None, uint cpu = 0) =>
        Map(process, device, phys, size, direction, attributes, cpu,
            "dma_map_phys", _core.Dma.MapPhys, (attributes & DmaAttributes.Mmio) == 0);

    /// <summary><c>dma_map_page_attrs</c>: refuses MMIO (S-DMA-46).</summary>
    /// <returns>As <see cref="MapPhys"/>.</returns>
    public Result<ulong> MapPage(
        GuestProcess process, string device, ulong phys, ulong size, DmaDirection direction,
        DmaAttributes attributes = DmaAttributes.None, uint cpu = 0) =>
        Map(process, device, phys, size, direction, attributes, cpu, "dma_map_page_attrs", _core.Dma.MapPage, ownPages: true);

    /// <summary><c>dma_map_resource</c>: a range that is no RAM (S-DMA-46).</summary>
    /// <returns>As <see cref="MapPhys"/>.</returns>
    public Result<ulong> MapResource(
        GuestProcess process, string device, ulong phys, ulong size, DmaDirection direction,
        DmaAttributes attributes = DmaAttributes.None, uint cpu = 0) =>
        Map(process, device, phys, size, direction, attributes | DmaAttributes.Mmio, cpu,
            "dma_map_resource", _core.Dma.MapResource, ownPages: false);

    /// <summary><c>dma_unmap_phys</c>, <c>dma_unmap_page_attrs</c>, <c>dma_unmap_resource</c> (S-DMA-44).</summary>
    /// <returns>
    /// EINVAL for an address, size or direction of no live mapping. Other attributes than at map are the caller's risk (S-DMA-47).
    /// </returns>
    public Failure? Unmap(
        GuestProcess process, string device, ulong dma, ulong size, DmaDirection direction, DmaAttributes attributes = DmaAttributes.None)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestDevice> found = Find(process, device, "dma_unmap_phys");
        if (!found.Ok)
        {
            return found.Failure;
        }

        Result<DmaStreaming> single = FindSingle(process, found.Value, dma, "dma_unmap_phys");
        if (!single.Ok)
        {
            return single.Failure;
        }

        if ((CheckSame("dma_unmap_phys", "length", single.Value.Entries[0].Length, size)
            ?? CheckSame("dma_unmap_phys", "direction", (ulong)single.Value.Direction, (ulong)direction)
            ?? CheckAttributes("dma_unmap_phys", attributes)) is { } wrong)
        {
            return wrong;
        }

        RemoveSingle(process, found.Value, dma, single.Value, attributes);
        return null;
    }

    /// <summary><c>dma_sync_single_range_for_cpu</c> (S-SWI-40).</summary>
    /// <param name="process">The driver.</param>
    /// <param name="device">Its device.</param>
    /// <param name="dma">Start of the mapping.</param>
    /// <param name="offset">First byte of the range.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="direction">Direction; a mismatch with the mapping is not detected (S-SWI-45).</param>
    /// <returns>EINVAL for an address of no mapping, or a range behind its end.</returns>
    public Failure? SyncForCpu(GuestProcess process, string device, ulong dma, ulong offset, ulong size, DmaDirection direction) =>
        Sync(process, device, dma, offset, size, direction, forCpu: true);

    /// <summary><c>dma_sync_single_range_for_device</c> (S-SWI-40).</summary>
    /// <returns>As <see cref="SyncForCpu"/>.</returns>
    public Failure? SyncForDevice(GuestProcess process, string device, ulong dma, ulong offset, ulong size, DmaDirection direction) =>
        Sync(process, device, dma, offset, size, direction, forCpu: false);

    /// <summary><c>dma_map_sgtable</c> of pages that the process took: all entries or none (S-DMA-50 to 54).</summary>
    /// <returns>The mapping; EIO, EOPNOTSUPP as the DMA layer says; EINVAL as <see cref="MapPhys"/>.</returns>
    public Result<DmaScatter> MapSgtable(
        GuestProcess process, string device, IReadOnlyList<SgEntry> entries, DmaDirection direction,
        DmaAttributes attributes = DmaAttributes.None, uint cpu = 0) =>
        MapList(process, device, entries, direction, attributes, cpu, "dma_map_sgtable", counts: false);

    /// <summary><c>dma_map_sg</c>, the old style: what the DMA layer refuses is a count of 0 without a reason (S-DMA-52).</summary>
    /// <returns>
    /// The mapping, or one with id 0 and no addresses, of which there is nothing to unmap; EINVAL as <see cref="MapPhys"/>.
    /// </returns>
    public Result<DmaScatter> MapSg(
        GuestProcess process, string device, IReadOnlyList<SgEntry> entries, DmaDirection direction,
        DmaAttributes attributes = DmaAttributes.None, uint cpu = 0) =>
        MapList(process, device, entries, direction, attributes, cpu, "dma_map_sg", counts: true);

    private Result<DmaScatter> MapList(
        GuestProcess process, string device, IReadOnlyList<SgEntry> entries, DmaDirection direction, DmaAttributes attributes, uint cpu,
        string operation, bool counts)
    {
        ArgumentNullException.ThrowIfNull(entries);
        using Lock.Scope held = _gate.Hold();
        Result<GuestDevice> found = Prepare(process, device, attributes, cpu, operation);
        if (!found.Ok)
        {
            return found.Failure;
        }

        if (entries.FirstOrDefault(e => e.Length != 0 && process.Dma.Find(e.Phys, e.Length) is null) is { Length: not 0 } foreign)
        {
            return NotTaken(operation, foreign.Phys, foreign.Length);
        }

        SgEntry[] list = [.. entries];
        ulong[] addresses = new ulong[list.Length];
        Result<int> mapped = _core.Dma.MapSg(found.Value.Dma, list, addresses, direction, attributes);
        if (counts && (mapped.Ok ? mapped.Value == 0 : mapped.Failure.Errno != Errno.EINVAL))
        {
            return new DmaScatter(0, [], 0);
        }

        if (!mapped.Ok)
        {
            return mapped.Failure;
        }

        var streaming = new DmaStreaming(list, addresses[..mapped.Value], direction, attributes);
        ulong id = ++_lastId;
        process.Dma.Scatters.Add(id, (found.Value, streaming));
        Hold(process, streaming, 1);
        return new DmaScatter(id, streaming.Addresses, streaming.Addresses.Count(a => IsBounced(found.Value.Dma, a)));
    }

    /// <summary><c>dma_unmap_sgtable</c>.</summary>
    /// <returns>EINVAL for a mapping that the process does not have.</returns>
    public Failure? UnmapSgtable(GuestProcess process, ulong id, DmaAttributes attributes = DmaAttributes.None)
    {
        using Lock.Scope held = _gate.Hold();
        Result<(GuestDevice Device, DmaStreaming List)> found = FindScatter(process, id, "dma_unmap_sgtable");
        if ((found.Failure ?? CheckAttributes("dma_unmap_sgtable", attributes)) is { } failure)
        {
            return failure;
        }

        RemoveScatter(process, found.Value.Device, id, found.Value.List, attributes);
        return null;
    }

    /// <summary><c>dma_sync_sgtable_for_cpu</c> or <c>_for_device</c> (S-DMA-56).</summary>
    /// <returns>EINVAL for a mapping that the process does not have, or a wrong direction.</returns>
    public Failure? SyncSgtable(GuestProcess process, ulong id, DmaDirection direction, bool forCpu)
    {
        using Lock.Scope held = _gate.Hold();
        Result<(GuestDevice Device, DmaStreaming List)> found = FindScatter(process, id, "dma_sync_sgtable");
        return !found.Ok ? found.Failure
            : found.Value.List.Addresses.Length == 0 ? null
            : _core.Dma.SyncSg(found.Value.Device.Dma, found.Value.List.Entries, found.Value.List.Addresses, direction, forCpu);
    }

    private Result<ulong> Map(
        GuestProcess process, string device, ulong phys, ulong size, DmaDirection direction,
        DmaAttributes attributes, uint cpu, string operation, MapCall call, bool ownPages)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestDevice> found = Prepare(process, device, attributes, cpu, operation);
        if (!found.Ok)
        {
            return found.Failure;
        }

        if (ownPages && size != 0 && process.Dma.Find(phys, size) is null)
        {
            return NotTaken(operation, phys, size);
        }

        Result<ulong> dma = call(found.Value.Dma, phys, size, direction, attributes);
        if (dma.Ok)
        {
            var single = new DmaStreaming([new SgEntry(phys, size)], [dma.Value], direction, attributes);
            if (!process.Dma.Singles.TryGetValue((found.Value, dma.Value), out List<DmaStreaming>? same))
            {
                process.Dma.Singles.Add((found.Value, dma.Value), same = []);
            }

            same.Add(single);
            Hold(process, single, 1);
        }

        return dma;
    }

    private Failure? Sync(GuestProcess process, string device, ulong dma, ulong offset, ulong size, DmaDirection direction, bool forCpu)
    {
        string operation = forCpu ? "dma_sync_single_for_cpu" : "dma_sync_single_for_device";
        using Lock.Scope held = _gate.Hold();
        Result<GuestDevice> found = Find(process, device, operation);
        if (!found.Ok)
        {
            return found.Failure;
        }

        Result<DmaStreaming> single = FindSingle(process, found.Value, dma, operation);
        if (!single.Ok)
        {
            return single.Failure;
        }

        ulong length = single.Value.Entries[0].Length;
        return offset > length || size > length - offset
            ? new Failure(Errno.EINVAL, operation, "check range", $"{offset} + {size} ends behind the mapping of {length} bytes.", "offset")
            : forCpu ? _core.Dma.SyncForCpu(found.Value.Dma, dma + offset, size, direction)
            : _core.Dma.SyncForDevice(found.Value.Dma, dma + offset, size, direction);
    }

    // Device, attributes, limit and CPU of a call that maps.
    private Result<GuestDevice> Prepare(GuestProcess process, string device, DmaAttributes attributes, uint cpu, string operation)
    {
        Result<GuestDevice> found = Find(process, device, operation);
        if (!found.Ok)
        {
            return found;
        }

        if (CheckAttributes(operation, attributes) is { } wrong)
        {
            return wrong;
        }

        if (cpu >= _core.Shape.Cpus)
        {
            return new Failure(Errno.EINVAL, operation, "check cpu",
                string.Create(CultureInfo.InvariantCulture, $"cpu {cpu} does not exist; the guest has {_core.Shape.Cpus}."), "cpu");
        }

        if (process.Dma.Mappings >= _core.Limits.AttachmentsPerProcess)
        {
            return new Failure(Errno.ENOMEM, operation, "check limit",
                $"The process has {_core.Limits.AttachmentsPerProcess} mappings already.");
        }

        found.Value.Dma.Cpu = (int)cpu;
        _core.TraceRing.Cpu = cpu;
        return found;
    }

    private void RemoveSingle(GuestProcess process, GuestDevice device, ulong dma, DmaStreaming single, DmaAttributes attributes)
    {
        List<DmaStreaming> same = process.Dma.Singles[(device, dma)];
        same.Remove(single);
        if (same.Count == 0)
        {
            process.Dma.Singles.Remove((device, dma));
        }

        Hold(process, single, -1);
        ulong size = single.Entries[0].Length;
        _ = _core.Dma.UnmapPhys(device.Dma, dma, size, single.Direction, attributes);
    }

    private void RemoveScatter(GuestProcess process, GuestDevice device, ulong id, DmaStreaming list, DmaAttributes attributes)
    {
        process.Dma.Scatters.Remove(id);
        Hold(process, list, -1);
        if (list.Addresses.Length != 0)
        {
            _ = _core.Dma.UnmapSg(device.Dma, list.Entries, list.Addresses, list.Direction, attributes);
        }
    }

    private static void Hold(GuestProcess process, DmaStreaming streaming, int change)
    {
        process.Dma.Mappings += change;
        foreach (SgEntry entry in streaming.Entries)
        {
            if (process.Dma.Find(entry.Phys, entry.Length) is { } pages)
            {
                pages.Mappings += change;
            }
        }
    }

    private bool IsBounced(DmaDevice device, ulong dma) => device.Pool?.Contains(_core.Dma.Environment.Encoding.Physical(dma)) == true;

    private static Result<DmaStreaming> FindSingle(GuestProcess process, GuestDevice device, ulong dma, string operation) =>
        process.Dma.Singles.TryGetValue((device, dma), out List<DmaStreaming>? same)
            ? same[^1]
            : new Failure(Errno.EINVAL, operation, "look up mapping",
                $"{device.Name} has no mapping of this process at 0x{dma:x}.", "dma_address");

    private Result<(GuestDevice Device, DmaStreaming List)> FindScatter(GuestProcess process, ulong id, string operation) =>
        _gate.Begin(process) is { } dead ? dead
        : process.Dma.Scatters.TryGetValue(id, out (GuestDevice, DmaStreaming) found) ? found
        : new Failure(Errno.EINVAL, operation, "look up mapping", $"This process has no scatter mapping {id}.", "mapping");

    private static Failure? CheckSame(string operation, string field, ulong mapped, ulong given) =>
        mapped == given ? null
        : new Failure(Errno.EINVAL, operation, $"check {field}", $"The mapping was made with {field} {mapped}, not {given}.", field);

    private static Failure? CheckAttributes(string operation, DmaAttributes attributes) =>
        (attributes & ~(DmaAttributes)Known) == 0 ? null
        : new Failure(Errno.EINVAL, operation, "check attributes",
            $"Attributes 0x{(int)attributes:x} have bits outside 0x{Known:x} (S-DMA-01).", "attrs");
}
