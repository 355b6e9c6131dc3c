using System.Globalization;
using System.Text.Json;
using CocoGuest.Machine;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Conformance.Dma;

/// <content>Families dma_page, dma_phys and dma_query.</content>
internal sealed partial class DmaReplay
{
    // Bytes behind the mapping that the recordings still show of the original, and around it of the pool.
    private const ulong OriginalTail = 64;
    private const ulong PoolBefore = 16;
    private const ulong PoolTail = 64;

    private void Single(string op, JsonElement given, JsonElement answer)
    {
        switch (op)
        {
            case "dma_map_page_attrs" or "dma_map_phys":
                MapSingle(op, given, answer);
                break;
            case "device_write":
                _memory.At(_dma + given.Number("from"), given.Number("len")).Fill(ByteOf(given));
                break;
            case "cpu_write_all":
                Original().Fill(ByteOf(given));
                break;
            case "sync_single_for_cpu":
                Done(_mapper.SyncForCpu(_device, _dma, _size, _direction));
                SameOriginal(answer);
                break;
            case "sync_single_for_device":
                Done(_mapper.SyncForDevice(_device, _dma, _size, _direction));
                SameSlot(answer, "slot_runs");
                break;
            case "sync_range_for_cpu":
                Done(_mapper.SyncForCpu(_device, _dma + given.Number("offset"), given.Number("len"), _direction));
                SameOriginal(answer);
                break;
            case "sync_range_for_device":
                Done(_mapper.SyncForDevice(_device, _dma + given.Number("offset"), given.Number("len"), _direction));
                SameSlot(answer, "slot_runs");
                break;
            case "dma_unmap_page_attrs" or "dma_unmap_phys":
                Done(_mapper.UnmapPhys(_device, _dma, _size, _direction, _attributes));
                Same(answer, "used_after", Used);
                SameOriginal(answer);
                SameSlot(answer, "slot_runs_after_unmap");
                break;
            default:
                throw new InvalidOperationException($"No replay for {op}.");
        }
    }

    private void MapSingle(string op, JsonElement given, JsonElement answer)
    {
        _device = NewDevice((int)given.Number("mask_bits"), given.Number("min_align_mask"));
        SetHint(given, "area_index_before");
        _size = given.Number("size");
        _direction = DirectionOf(given);
        _attributes = (DmaAttributes)given.Hex("attrs");
        _phys = (given.GetProperty("orig_high").GetBoolean() ? High : Low) + given.Number("offset_in_page");
        Fill(_phys);
        Same(answer, "used_before", Used);

        // The series ported by hand to 6.12 has one map function for pages and MMIO.
        bool byPage = op == "dma_map_page_attrs" && _boot.Kernel != KernelVersion.SeedV1;
        Result<ulong> result = byPage
            ? _mapper.MapPage(_device, _phys, _size, _direction, _attributes)
            : _mapper.MapPhys(_device, _phys, _size, _direction, _attributes);
        Same(answer, "error", result.Ok ? null : "\"DMA_MAPPING_ERROR\"");
        Same(answer, "used_after", Used);
        if (!result.Ok)
        {
            return;
        }

        _dma = result.Value;
        Same(answer, "need_sync", !_device.SkipSync);
        SamePlace(answer, _dma, _phys);
        SameSlot(answer, "slot_runs");
        if (answer.Has("slot_pre16_runs") && _dma >= PoolStart + PoolBefore)
        {
            Same(answer, "slot_pre16_runs", FlatMemory.Runs(_memory.At(_dma - PoolBefore, PoolBefore)));
        }

        if (answer.Has("slot_tail_runs"))
        {
            ulong end = _dma + _size;
            Same(answer, "slot_tail_runs", FlatMemory.Runs(_memory.At(Math.Min(end, _pool!.End - 1), Math.Min(PoolTail, _pool.End - end))));
        }
    }

    private void SameOriginal(JsonElement answer)
    {
        Same(answer, "orig_runs", FlatMemory.Runs(Original()));
    }

    /// <summary>The original as the recordings show and write it: from the start of its page to a little behind the mapping.</summary>
    private Span<byte> Original()
    {
        ulong page = _phys & ~0xfffUL;
        ulong end = (_phys + _size + OriginalTail - 1) / OriginalTail * OriginalTail;
        return _memory.At(page, end + OriginalTail - page);
    }

    private void SameSlot(JsonElement answer, string key)
    {
        if (answer.Has(key))
        {
            Same(answer, key, FlatMemory.Runs(_memory.At(_dma, _size)));
        }
    }

    private void Query(string op, JsonElement given, JsonElement answer)
    {
        if (op == "pool" && _pool is { } pool)
        {
            Same(answer, "nslabs", pool.Slots);
            Same(answer, "nareas", pool.Areas);
            Same(answer, "area_nslabs", pool.Slots / pool.Areas);
        }

        if (op != "query")
        {
            return;
        }

        DmaDevice device = NewDevice((int)given.Number("mask_bits"), given.Number("min_align_mask"));
        Same(answer, "max_mapping_size", $"\"0x{_mapper.MaxMappingSize(device):x}\"");
        Same(answer, "required_mask", $"\"0x{_mapper.RequiredMask(device):x}\"");
        Same(answer, "addressing_limited", _mapper.IsAddressingLimited(device));
        Same(answer, "swiotlb_active", device.Pool is not null);
        Same(answer, "force_bounce", device.ForcedBounce);
    }

    private static byte ByteOf(JsonElement given) => byte.Parse(given.Text("byte"), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
