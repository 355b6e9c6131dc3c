using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Dma.Mapping;

/// <content>Scatter lists: S-DMA-50..56.</content>
public sealed partial class DmaMapper
{
    /// <summary><c>dma_map_sgtable</c>: all entries or none (S-DMA-50, 51).</summary>
    /// <param name="device">The device.</param>
    /// <param name="entries">The entries, each at least 1 byte long.</param>
    /// <param name="dma">
    /// Receives one DMA address per entry; at least as long as <paramref name="entries"/>. Undefined after a failure.
    /// </param>
    /// <param name="direction">Direction.</param>
    /// <param name="attributes">Attributes.</param>
    /// <returns>
    /// Number of DMA segments: that of the entries, or 0 for a device without mask (S-DMA-53). EIO when an entry cannot be mapped: the
    /// earlier
    /// ones were unmapped without copy back; EOPNOTSUPP for REQUIRE_COHERENT on a device that is not coherent (S-DMA-54); EINVAL for an
    /// empty
    /// list or entry (S-DMA-55).
    /// </returns>
    public Result<int> MapSg(
        DmaDevice device,
        ReadOnlySpan<SgEntry> entries,
        Span<ulong> dma,
        DmaDirection direction,
        DmaAttributes attributes = DmaAttributes.None)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (CheckSg(entries, dma.Length, direction) is { } wrong)
        {
            return wrong;
        }

        switch (CheckDevice(device, attributes, "dma_map_sgtable"))
        {
            case DmaMapError.NotCoherent:
                _failed++;
                return Describe(
                    DmaMapError.NotCoherent, Errno.EOPNOTSUPP, "dma_map_sgtable", device, entries[0].Phys, entries[0].Length, entry: -1);
            case DmaMapError.NoMask:
                return 0;
        }

        for (int i = 0; i < entries.Length; i++)
        {
            ref readonly SgEntry entry = ref entries[i];
            ulong address = MapDirect(device, entry.Phys, entry.Length, attributes, device.Table, out DmaMapError error);
            if (address == Error)
            {
                _mapped += (ulong)i;
                _failed++;
                UnmapEntries(device, entries[..i], dma, direction, attributes | DmaAttributes.SkipCpuSync);
                return Describe(error, Errno.EIO, "dma_map_sgtable", device, entry.Phys, entry.Length, i);
            }

            dma[i] = address;
        }

        for (int i = 0; _check is not null && i < entries.Length; i++)
        {
            _check.Mapped(device, dma[i], attributes);
        }

        _mapped += (ulong)entries.Length;
        _trace?.MapSg(device, entries, dma[..entries.Length], direction, attributes);
        return entries.Length;
    }

    /// <summary><c>dma_map_sg</c>, the older call: as <see cref="MapSg"/>, but any failure is 0 (S-DMA-52).</summary>
    /// <returns>Number of DMA segments; 0 on any error.</returns>
    public int MapSgCount(
        DmaDevice device,
        ReadOnlySpan<SgEntry> entries,
        Span<ulong> dma,
        DmaDirection direction,
        DmaAttributes attributes = DmaAttributes.None)
    {
        Result<int> mapped = MapSg(device, entries, dma, direction, attributes);
        return mapped.Ok ? mapped.Value : 0;
    }

    /// <summary><c>dma_unmap_sgtable</c> (S-DMA-44 for each entry).</summary>
    /// <returns>
    /// Null; EINVAL when an address lies in a bounce pool but no mapping starts there. The other entries are unmapped even then.
    /// </returns>
    public Failure? UnmapSg(
        DmaDevice device,
        ReadOnlySpan<SgEntry> entries,
        ReadOnlySpan<ulong> dma,
        DmaDirection direction,
        DmaAttributes attributes = DmaAttributes.None)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (CheckSg(entries, dma.Length, direction) is { } wrong)
        {
            return wrong;
        }

        _trace?.UnmapSg(device, entries, direction, attributes);
        for (int i = 0; _check is not null && i < entries.Length; i++)
        {
            _check.Unmapped(device, dma[i], entries[i].Length, attributes);
        }

        int stray = UnmapEntries(device, entries, dma, direction, attributes);
        return stray < 0 ? null : NotMapped("dma_unmap_sgtable", dma[stray]);
    }

    /// <summary><c>dma_sync_sgtable_for_cpu</c> or <c>_for_device</c>: each entry's whole length (S-DMA-56).</summary>
    /// <returns>Null, or EINVAL for a call that cannot be.</returns>
    public Failure? SyncSg(
        DmaDevice device, ReadOnlySpan<SgEntry> entries, ReadOnlySpan<ulong> dma, DmaDirection direction, bool forCpu)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (CheckSg(entries, dma.Length, direction) is { } wrong)
        {
            return wrong;
        }

        if (!NeedsSync(device))
        {
            return null;
        }

        BounceWay way = BounceCopyTable.WayOf(forCpu ? BounceCopy.SyncForCpu : BounceCopy.SyncForDevice, direction);
        if (way != BounceWay.None && device.Pool is not null)
        {
            for (int i = 0; i < entries.Length; i++)
            {
                CopyIfBounced(device, dma[i], entries[i].Length, way);
            }
        }

        _trace?.SyncSg(device, entries, dma[..entries.Length], direction, forCpu);
        return null;
    }

    /// <summary>Unmaps entries; gives the index of the first one that was no mapping, or -1.</summary>
    private int UnmapEntries(
        DmaDevice device, ReadOnlySpan<SgEntry> entries, ReadOnlySpan<ulong> dma, DmaDirection direction, DmaAttributes attributes)
    {
        int stray = -1;
        for (int i = 0; i < entries.Length; i++)
        {
            if (!UnmapDirect(device, dma[i], entries[i].Length, direction, attributes) && stray < 0)
            {
                stray = i;
            }
        }

        return stray;
    }

    private static Failure? CheckSg(ReadOnlySpan<SgEntry> entries, int addresses, DmaDirection direction)
    {
        if (addresses < entries.Length)
        {
            throw new ArgumentException($"{entries.Length} entries need as many DMA addresses, not {addresses}.", nameof(addresses));
        }

        if (entries.IsEmpty)
        {
            return new Failure(Errno.EINVAL, "dma_map_sgtable", "entries", "A scatter list needs an entry.", "entries");
        }

        foreach (ref readonly SgEntry entry in entries)
        {
            if (CheckCall("dma_map_sgtable", direction, entry.Phys, entry.Length) is { } wrong)
            {
                return wrong;
            }
        }

        return null;
    }
}
