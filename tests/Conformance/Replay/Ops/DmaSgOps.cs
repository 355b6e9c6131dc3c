using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Scatterlists: family dma_sg.</summary>
internal static class DmaSgOps
{
    private const byte OriginalFill = 0xa1;

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("dma_map_sgtable", Map),
        new("device_write_segs", (c, r, _) => Write(c, Pattern(r.In.Text("byte")), Table(c).Addresses, r.In.Flag("only_if_bounced"))),
        new("sync_sgtable_for_cpu", SyncForCpu),
        new("sync_sgtable_for_device", SyncForDevice),
        new("dma_unmap_sgtable", Unmap),
    ];

    private static SgTable Table(ReplayCase c) => c.State<SgTable>();

    private static void Map(ReplayCase c, Record record, Answers answers)
    {
        DmaWorld world = c.World.Dma;
        SgTable table = Table(c);
        table.Device = world.NewDevice((int)record.In.Number("mask_bits"), 0);
        world.SetHint(record.In.Number("area_index_before", ulong.MaxValue));
        table.Direction = DmaWorld.DirectionOf(record.In.Text("dir"));
        table.Attributes = (DmaAttributes)record.In.Number("attrs");

        // Large guests have their free memory above 4 GiB, and the allocator hands that out first.
        ulong start = world.Spec.MemoryBytes > 3UL << 30 ? DmaWorld.High : DmaWorld.Low;
        table.Entries = [.. record.In.GetProperty("lens").EnumerateArray()
            .Select((length, i) => new SgEntry(start + ((ulong)i * DmaWorld.BlockBytes), length.GetUInt64()))];
        table.Addresses = new ulong[table.Entries.Length];
        for (int i = 0; i < table.Entries.Length; i++)
        {
            world.Fill(table.Entries[i].Phys);
            world.Memory.At(table.Entries[i].Phys, table.Entries[i].Length).Fill((byte)(OriginalFill + i));
        }

        answers.Set("used_before", world.Used);
        Result<int> result = world.Mapper.MapSg(table.Device, table.Entries, table.Addresses, table.Direction, table.Attributes);
        answers.Set("rc", result.Ok ? 0L : -(int)result.Failure.Errno);
        answers.Set("nents", result.Ok ? result.Value : (long)table.Entries.Length);
        answers.Set("orig_nents", (long)table.Entries.Length);
        answers.Set("used_after", world.Used);
        answers.SetRaw("orig_runs", OriginalRuns(c));
        answers.SetRaw("segs", result.Ok ? Segments(world, table) : "[]");
    }

    private static string Segments(DmaWorld world, SgTable table)
    {
        IEnumerable<string> segments = table.Entries.Select((entry, i) =>
        {
            ulong dma = table.Addresses[i];
            string length = $"\"dma_len\":{entry.Length}";
            if (world.Pool is not { } pool || !pool.Contains(dma))
            {
                return $"{{{length},\"bounced\":false,\"addr_equals_phys\":{(dma == entry.Phys ? "true" : "false")}}}";
            }

            ulong offset = dma - DmaWorld.PoolStart;
            return $"{{{length},\"bounced\":true,\"slot_offset\":{offset},\"slot\":{offset >> SwiotlbPool.SlotShift},"
                + $"\"byte_in_slot\":{offset & (SwiotlbPool.SlotBytes - 1)}}}";
        });
        return $"[{string.Join(',', segments)}]";
    }

    private static void SyncForCpu(ReplayCase c, Record record, Answers answers)
    {
        SgTable table = Table(c);
        _ = c.World.Dma.Mapper.SyncSg(table.Device, table.Entries, table.Addresses, table.Direction, forCpu: true);
        answers.SetRaw("orig_runs", OriginalRuns(c));
    }

    private static void SyncForDevice(ReplayCase c, Record record, Answers answers)
    {
        SgTable table = Table(c);
        Write(c, Pattern(record.In.Text("cpu_wrote")), [.. table.Entries.Select(entry => entry.Phys)], bouncedOnly: false);
        _ = c.World.Dma.Mapper.SyncSg(table.Device, table.Entries, table.Addresses, table.Direction, forCpu: false);
        answers.SetRaw("seg_runs", RunsOf(c, table.Addresses));
    }

    private static void Unmap(ReplayCase c, Record record, Answers answers)
    {
        SgTable table = Table(c);
        Write(c, Pattern(record.In.Text("device_wrote")), table.Addresses, record.In.Flag("only_if_bounced"));
        _ = c.World.Dma.Mapper.UnmapSg(table.Device, table.Entries, table.Addresses, table.Direction, table.Attributes);
        answers.Set("used_after", c.World.Dma.Used);
        answers.SetRaw("orig_runs", OriginalRuns(c));
    }

    // "d0+i": the byte for block i.
    private static byte Pattern(string text) => Convert.ToByte(text.Split('+')[0], 16);

    private static void Write(ReplayCase c, byte first, ulong[] addresses, bool bouncedOnly)
    {
        SgTable table = Table(c);
        for (int i = 0; i < addresses.Length; i++)
        {
            if (!bouncedOnly || c.World.Dma.Pool?.Contains(addresses[i]) == true)
            {
                c.World.Dma.Memory.At(addresses[i], table.Entries[i].Length).Fill((byte)(first + i));
            }
        }
    }

    private static string OriginalRuns(ReplayCase c) => RunsOf(c, [.. Table(c).Entries.Select(entry => entry.Phys)]);

    private static string RunsOf(ReplayCase c, ulong[] addresses) =>
        "[" + string.Join(',', addresses.Select((address, i) =>
            FlatMemory.Runs(c.World.Dma.Memory.At(address, Table(c).Entries[i].Length)))) + "]";

    private sealed class SgTable
    {
        public DmaDevice Device { get; set; } = null!;

        public SgEntry[] Entries { get; set; } = [];

        public ulong[] Addresses { get; set; } = [];

        public DmaDirection Direction { get; set; }

        public DmaAttributes Attributes { get; set; }
    }
}
