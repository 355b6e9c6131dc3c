using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Dma.Swiotlb;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Sequences of mappings and the slots they get: family swiotlb_slots.</summary>
internal static class SlotOps
{
    private const int SlotsShown = 12;
    private const int DoubleIndex = -1;

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("start", Start),
        new("dma_map_page", (c, r, a) => MapOne(c, (int)r.In.Number("i"), r.In.Number("size"), a)),
        new("map_until_fail", MapUntilFail),
        new("map_failed_at", MapFailedAt),
        new("map_double_into_hole", MapDouble),
        new("dma_unmap_page", (c, r, a) => Unmap(c, a, [(int)r.In.Number("i")])),
        new("free_two", (c, r, a) => Unmap(c, a, [.. r.In.GetProperty("indices").EnumerateArray().Select(index => index.GetInt32())])),
        new("unmap_all", (c, r, a) => Unmap(c, a, [.. Slots(c).Mappings.Keys])),
    ];

    private static Sequence Slots(ReplayCase c) => c.State<Sequence>();

    // How the device wants slots aligned stands in the name of the case, where the search starts in the answer.
    private static void Start(ReplayCase c, Record record, Answers answers)
    {
        DmaWorld world = c.World.Dma;
        Slots(c).Device = world.NewDevice(64, AlignName.Of(c));
        world.SetHint(answers.Told("area_index"));
        AnswerState(c, answers);
    }

    private static void MapOne(ReplayCase c, int index, ulong size, Answers answers)
    {
        DmaWorld world = c.World.Dma;
        Result<ulong> result = world.Mapper.MapPage(Slots(c).Device, DmaWorld.Low, size, DmaDirection.Bidirectional);
        answers.Set("error", result.Ok ? null : "DMA_MAPPING_ERROR");
        if (result.Ok)
        {
            AnswerPlace(world, answers, result.Value, DmaWorld.Low);
            Slots(c).Mappings[index] = (result.Value, size);
        }

        AnswerState(c, answers);
    }

    private static void AnswerPlace(DmaWorld world, Answers answers, ulong dma, ulong phys)
    {
        world.AnswerPlace(answers, dma, phys);
        if (world.Pool is { } pool && pool.Contains(dma) && !IsInFirstArea(pool, dma))
        {
            answers.LeaveOut("slot");
            answers.LeaveOut("slot_offset");
        }
    }

    private static bool IsInFirstArea(SwiotlbPool pool, ulong dma) => SlotOf(dma) < pool.Slots / pool.Areas;

    private static ulong SlotOf(ulong dma) => (dma - DmaWorld.PoolStart) >> SwiotlbPool.SlotShift;

    private static void MapUntilFail(ReplayCase c, Record record, Answers answers)
    {
        DmaWorld world = c.World.Dma;
        ulong size = record.In.Number("size");

        // The first area's search starts where the case began; nothing tells of the others: from their start as many fit as can.
        for (uint area = 1; area < (world.Pool?.Areas ?? 0); area++)
        {
            world.Pool!.SetAreaHint(area, 0);
        }

        Dictionary<int, (ulong Dma, ulong Size)> mappings = Slots(c).Mappings;
        int mapped = 0;
        while (mapped < (int)record.In.Number("cap")
            && world.Mapper.MapPage(Slots(c).Device, DmaWorld.Low, size, DmaDirection.Bidirectional) is { Ok: true } result)
        {
            mappings[mapped++] = (result.Value, size);
        }

        ulong[] first = [.. Enumerable.Range(0, Math.Min(mapped, SlotsShown)).Select(i => mappings[i].Dma)];
        if (world.Pool is not { } pool || !first.All(dma => pool.Contains(dma) && IsInFirstArea(pool, dma)))
        {
            answers.LeaveOut("first_slots");
        }

        answers.Set("mapped", (long)mapped);
        answers.SetRaw("first_slots", $"[{string.Join(',', first.Select(SlotOf))}]");
        AnswerState(c, answers);
    }

    // Of another page than the one that its address is compared with: no address is that page's.
    private static void MapDouble(ReplayCase c, Record record, Answers answers)
    {
        DmaWorld world = c.World.Dma;
        ulong size = record.In.Number("size");
        Result<ulong> result = world.Mapper.MapPage(
            Slots(c).Device, DmaWorld.Low + DmaWorld.BlockBytes, size, DmaDirection.Bidirectional);
        AnswerPlace(world, answers, result.Ok ? result.Value : ulong.MaxValue, DmaWorld.Low);
        if (result.Ok)
        {
            Slots(c).Mappings[DoubleIndex] = (result.Value, size);
        }

        AnswerState(c, answers);
    }

    private static void MapFailedAt(ReplayCase c, Record record, Answers answers)
    {
        ulong size = record.In.Number("len");
        int mapped = Slots(c).Mappings.Count;
        Result<ulong> result = c.World.Dma.Mapper.MapPage(Slots(c).Device, DmaWorld.Low, size, DmaDirection.Bidirectional);
        answers.Set("i", result.Ok ? -1L : mapped);
        AnswerState(c, answers);
    }

    private static void Unmap(ReplayCase c, Answers answers, int[] indices)
    {
        foreach (int index in indices)
        {
            if (Slots(c).Mappings.Remove(index, out (ulong Dma, ulong Size) mapping))
            {
                _ = c.World.Dma.Mapper.UnmapPhys(Slots(c).Device, mapping.Dma, mapping.Size, DmaDirection.Bidirectional);
            }
        }

        AnswerState(c, answers);
    }

    private static void AnswerState(ReplayCase c, Answers answers)
    {
        answers.Set("used", c.World.Dma.Used);
        answers.Set("area_index", c.World.Dma.Pool is { } pool ? pool.AreaHint(0) : uint.MaxValue);
        answers.Set("area_used", c.World.Dma.Pool is { } used ? (long)used.AreaUsed(0) : -1);
    }

    private sealed class Sequence
    {
        public DmaDevice Device { get; set; } = null!;

        public Dictionary<int, (ulong Dma, ulong Size)> Mappings { get; } = [];
    }
}
