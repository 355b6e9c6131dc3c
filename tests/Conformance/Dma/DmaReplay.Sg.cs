using System.Text.Json;
using CocoGuest.Machine;
using CocoGuest.Machine.Dma;

namespace CocoGuest.Tests.Conformance.Dma;

/// <content>Families dma_sg and swiotlb_slots.</content>
internal sealed partial class DmaReplay
{
    private readonly Dictionary<int, (ulong Dma, ulong Size)> _slotMappings = [];
    private SgEntry[] _entries = [];
    private ulong[] _addresses = [];

    private void Sg(string op, JsonElement given, JsonElement answer)
    {
        switch (op)
        {
            case "dma_map_sgtable":
                MapSg(given, answer);
                break;
            case "device_write_segs":
                Write(0xd0, _addresses, bouncedOnly: true);
                break;
            case "sync_sgtable_for_cpu":
                Done(_mapper.SyncSg(_device, _entries, _addresses, _direction, forCpu: true));
                Same(answer, "orig_runs", OriginalRuns());
                break;
            case "sync_sgtable_for_device":
                Write(0xc0, [.. _entries.Select(entry => entry.Phys)], bouncedOnly: false);
                Done(_mapper.SyncSg(_device, _entries, _addresses, _direction, forCpu: false));
                Same(answer, "seg_runs", RunsOf(_addresses));
                break;
            case "dma_unmap_sgtable":
                Write(0xb0, _addresses, bouncedOnly: true);
                Done(_mapper.UnmapSg(_device, _entries, _addresses, _direction, _attributes));
                Same(answer, "used_after", Used);
                Same(answer, "orig_runs", OriginalRuns());
                break;
            default:
                throw new InvalidOperationException($"No replay for {op}.");
        }
    }

    private void MapSg(JsonElement given, JsonElement answer)
    {
        _device = NewDevice((int)given.Number("mask_bits"), 0);
        SetHint(given, "area_index_before");
        _direction = DirectionOf(given);
        _attributes = (DmaAttributes)given.Hex("attrs");

        // Large guests have their free memory above 4 GiB, and the allocator hands that out first.
        ulong start = _boot.GiB == 0 ? Low : High;
        _entries = [.. given.GetProperty("lens").EnumerateArray()
            .Select((length, i) => new SgEntry(start + ((ulong)i * BlockBytes), length.GetUInt64()))];
        _addresses = new ulong[_entries.Length];
        for (int i = 0; i < _entries.Length; i++)
        {
            Fill(_entries[i].Phys);
            _memory.At(_entries[i].Phys, _entries[i].Length).Fill((byte)(OriginalFill + i));
        }

        Same(answer, "used_before", Used);
        Result<int> result = _mapper.MapSg(_device, _entries, _addresses, _direction, _attributes);
        Same(answer, "rc", result.Ok ? 0 : -(int)result.Failure.Errno);
        Same(answer, "used_after", Used);
        Same(answer, "orig_runs", OriginalRuns());
        if (!answer.Has("segs") || !result.Ok)
        {
            return;
        }

        Same(answer, "nents", result.Value);
        int index = 0;
        foreach (JsonElement segment in answer.GetProperty("segs").EnumerateArray())
        {
            Same(segment, "dma_len", _entries[index].Length);
            SamePlace(segment, _addresses[index], _entries[index].Phys);
            index++;
        }
    }

    private void Write(byte first, ulong[] addresses, bool bouncedOnly)
    {
        for (int i = 0; i < addresses.Length; i++)
        {
            if (!bouncedOnly || _pool?.Contains(addresses[i]) == true)
            {
                _memory.At(addresses[i], _entries[i].Length).Fill((byte)(first + i));
            }
        }
    }

    private string OriginalRuns() => RunsOf([.. _entries.Select(entry => entry.Phys)]);

    private string RunsOf(ulong[] addresses) =>
        $"[{string.Join(',', addresses.Select((address, i) => FlatMemory.Runs(_memory.At(address, _entries[i].Length))))}]";

    private void Slots(string op, JsonElement given, JsonElement answer)
    {
        switch (op)
        {
            case "start":
                _device = NewDevice(64, _step.Text("case").EndsWith("alignfff", StringComparison.Ordinal) ? 0xfffUL : 0);
                SetHint(answer, "area_index");
                break;
            case "dma_map_page":
                MapSlot((int)given.Number("i"), given.Number("size"), answer);
                break;
            case "map_double_into_hole":
                MapSlot(-1, given.Number("size"), answer);
                break;
            case "map_until_fail":
                MapUntilFail(given, answer);
                break;
            case "dma_unmap_page":
                UnmapSlots([(int)given.Number("i")]);
                break;
            case "free_two":
                UnmapSlots([.. given.GetProperty("indices").EnumerateArray().Select(index => index.GetInt32())]);
                break;
            case "unmap_all":
                UnmapSlots([.. _slotMappings.Keys]);
                break;
            default:
                throw new InvalidOperationException($"No replay for {op}.");
        }

        Same(answer, "used", Used);
        if (_pool is { } pool && op != "start")
        {
            Same(answer, "area_index", pool.AreaHint(0));
            Same(answer, "area_used", pool.AreaUsed(0));
        }
    }

    private void MapSlot(int index, ulong size, JsonElement answer)
    {
        Result<ulong> result = _mapper.MapPage(_device, Low, size, DmaDirection.Bidirectional);
        if (answer.Has("error"))
        {
            Same(answer, "error", result.Ok ? "null" : "\"DMA_MAPPING_ERROR\"");
        }

        if (result.Ok)
        {
            SamePlace(answer, result.Value, index < 0 ? 0 : Low); // the hole's page is another one
            _slotMappings[index] = (result.Value, size);
        }
    }

    private void MapUntilFail(JsonElement given, JsonElement answer)
    {
        ulong size = given.Number("size");
        if (_boot.Cpu != 0 && _pool is { } pool)
        {
            // Only the first area's hint is recorded; that of this CPU's area shows in the first slot.
            pool.SetAreaHint((uint)_boot.Cpu, answer.GetProperty("first_slots")[0].GetUInt32());
        }

        int mapped = 0;
        while (mapped < given.GetProperty("cap").GetInt32()
            && _mapper.MapPage(_device, Low, size, DmaDirection.Bidirectional) is { Ok: true } result)
        {
            _slotMappings[mapped++] = (result.Value, size);
        }

        Same(answer, "mapped", mapped);
        if (mapped == 0 || !_pool!.Contains(_slotMappings[0].Dma))
        {
            return; // mapped in place: no slots
        }

        IEnumerable<ulong> first = Enumerable.Range(0, mapped).Take(12)
            .Select(i => (_slotMappings[i].Dma - PoolStart) >> SwiotlbPool.SlotShift);
        Same(answer, "first_slots", $"[{string.Join(',', first)}]");
    }

    private void UnmapSlots(int[] indices)
    {
        foreach (int index in indices)
        {
            if (_slotMappings.Remove(index, out (ulong Dma, ulong Size) mapping))
            {
                Done(_mapper.UnmapPhys(_device, mapping.Dma, mapping.Size, DmaDirection.Bidirectional));
            }
        }
    }
}
