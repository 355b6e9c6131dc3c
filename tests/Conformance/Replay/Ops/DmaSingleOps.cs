using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Single mappings: families dma_page, dma_phys and the phys.* cases of dma_trace.</summary>
internal static class DmaSingleOps
{
    // Bytes behind the mapping that the recordings still show of the original, and around it of the pool.
    private const ulong OriginalTail = 64;
    private const ulong PoolBefore = 16;
    private const ulong PoolTail = 64;

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("dma_map_page_attrs", Map),
        new("dma_map_phys", Map),
        new("dma_page/device_write", DeviceWrite),
        new("dma_phys/device_write", DeviceWrite),
        new("cpu_write_all", (c, r, _) => Original(c).Fill(r.In.Byte("byte"))),
        new("sync_single_for_cpu", (c, r, a) => Sync(c, a, 0, State(c).Size, forCpu: true)),
        new("sync_single_for_device", (c, r, a) => Sync(c, a, 0, State(c).Size, forCpu: false)),
        new("sync_range_for_cpu", (c, r, a) => Sync(c, a, r.In.Number("offset"), r.In.Number("len"), forCpu: true)),
        new("sync_range_for_device", (c, r, a) => Sync(c, a, r.In.Number("offset"), r.In.Number("len"), forCpu: false)),
        new("dma_unmap_page_attrs", Unmap),
        new("dma_unmap_phys", Unmap),
    ];

    private static Single State(ReplayCase c) => c.State<Single>();

    private static void Map(ReplayCase c, Record record, Answers answers)
    {
        DmaWorld world = c.World.Dma;
        Single state = State(c);
        state.Device = world.NewDevice((int)record.In.Number("mask_bits"), record.In.Number("min_align_mask", 0));
        world.SetHint(record.In.Number("area_index_before", ulong.MaxValue));
        state.Size = record.In.Number("size");
        state.Direction = DmaWorld.DirectionOf(record.In.Text("dir"));
        state.Attributes = (DmaAttributes)record.In.Number("attrs");
        state.Phys = (record.In.Flag("orig_high") ? DmaWorld.High : DmaWorld.Low) + record.In.Number("offset_in_page", 0);
        world.Fill(state.Phys);
        answers.Set("used_before", world.Used);

        // The series ported by hand to 6.12 has one map function for pages and MMIO.
        bool byPage = record.Op == "dma_map_page_attrs" && world.Spec.Kernel != KernelVersion.V612Seed;
        Result<ulong> result = byPage
            ? world.Mapper.MapPage(state.Device, state.Phys, state.Size, state.Direction, state.Attributes)
            : world.Mapper.MapPhys(state.Device, state.Phys, state.Size, state.Direction, state.Attributes);
        answers.Set("error", result.Ok ? null : "DMA_MAPPING_ERROR");
        answers.Set("addr_all_ones", !result.Ok);
        answers.Set("used_after", world.Used);
        if (result.Ok)
        {
            state.Dma = result.Value;
            answers.Set("need_sync", !state.Device.SkipSync);
            world.AnswerPlace(answers, state.Dma, state.Phys);
            AnswerSlot(c, answers, "slot_runs");
            AnswerAround(world, answers, state);
        }
    }

    private static void AnswerAround(DmaWorld world, Answers answers, Single state)
    {
        if (world.Pool is not { } pool || !pool.Contains(state.Dma))
        {
            return;
        }

        if (answers.Wants("slot_pre16_runs"))
        {
            answers.SetRaw("slot_pre16_runs", state.Dma - pool.Start < PoolBefore
                ? "null"
                : FlatMemory.Runs(world.Memory.At(state.Dma - PoolBefore, PoolBefore)));
        }

        if (answers.Wants("slot_tail_runs"))
        {
            ulong end = state.Dma + state.Size;
            answers.SetRaw(
                "slot_tail_runs", FlatMemory.Runs(world.Memory.At(Math.Min(end, pool.End - 1), Math.Min(PoolTail, pool.End - end))));
        }
    }

    private static void DeviceWrite(ReplayCase c, Record record, Answers answers) =>
        c.World.Dma.Memory.At(State(c).Dma + record.In.Number("from"), record.In.Number("len")).Fill(record.In.Byte("byte"));

    private static void Sync(ReplayCase c, Answers answers, ulong offset, ulong length, bool forCpu)
    {
        Single state = State(c);
        DmaMapper mapper = c.World.Dma.Mapper;
        Failure? failure = forCpu
            ? mapper.SyncForCpu(state.Device, state.Dma + offset, length, state.Direction)
            : mapper.SyncForDevice(state.Device, state.Dma + offset, length, state.Direction);
        MustNotFail(failure);
        AnswerOriginal(c, answers);
        AnswerSlot(c, answers, "slot_runs");
    }

    private static void Unmap(ReplayCase c, Record record, Answers answers)
    {
        Single state = State(c);
        MustNotFail(c.World.Dma.Mapper.UnmapPhys(state.Device, state.Dma, state.Size, state.Direction, state.Attributes));
        answers.Set("used_after", c.World.Dma.Used);
        AnswerOriginal(c, answers);
        AnswerSlot(c, answers, "slot_runs_after_unmap");
    }

    // The original as the recordings show and write it: from the start of its page to a little behind the mapping.
    private static Span<byte> Original(ReplayCase c)
    {
        Single state = State(c);
        ulong page = state.Phys & ~0xfffUL;
        ulong end = (state.Phys + state.Size + OriginalTail - 1) / OriginalTail * OriginalTail;
        return c.World.Dma.Memory.At(page, end + OriginalTail - page);
    }

    private static void AnswerOriginal(ReplayCase c, Answers answers)
    {
        if (answers.Wants("orig_runs"))
        {
            answers.SetRaw("orig_runs", FlatMemory.Runs(Original(c)));
        }
    }

    private static void AnswerSlot(ReplayCase c, Answers answers, string key)
    {
        if (answers.Wants(key))
        {
            answers.SetRaw(key, FlatMemory.Runs(c.World.Dma.Memory.At(State(c).Dma, State(c).Size)));
        }
    }

    private static void MustNotFail(Failure? failure)
    {
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }

    private sealed class Single
    {
        public DmaDevice Device { get; set; } = null!;

        public ulong Phys { get; set; }

        public ulong Size { get; set; }

        public ulong Dma { get; set; }

        public DmaDirection Direction { get; set; }

        public DmaAttributes Attributes { get; set; }
    }
}
