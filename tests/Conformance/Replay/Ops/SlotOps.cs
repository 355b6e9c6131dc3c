using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Mapping;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Sequences of mappings and the slots they get: family swiotlb_slots.</summary>
internal static class SlotOps
{
    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("start", Start),
        new("dma_map_page", (c, r, a) => MapOne(c, (int)r.In.Number("i"), r.In.Number("size"), a)),
        new("map_until_fail", MapUntilFail),
        new("map_failed_at", MapFailedAt),
        new("dma_unmap_page", (c, r, a) => Unmap(c, a, [(int)r.In.Number("i")])),
        new("free_two", (c, r, a) => Unmap(c, a, [.. r.In.GetProperty("indices").EnumerateArray().Select(index => index.GetInt32())])),
        new("unmap_all", (c, r, a) => Unmap(c, a, [.. Slots(c).Mappings.Keys])),
    ];

    private static Sequence Slots(ReplayCase c) => c.State<Sequence>();

    // How the device wants slots aligned is in no step, nor is where the search starts: here, where the case before ended.
    private static void Start(ReplayCase c, Record record, Answers answers)
    {
        Slots(c).Device = c.World.Dma.NewDevice(64, minAlign: 0);
        AnswerState(c, answers);
    }

    private static void MapOne(ReplayCase c, int index, ulong size, Answers answers)
    {
        DmaWorld world = c.World.Dma;
        Result<ulong> result = world.Mapper.MapPage(Slots(c).Device, DmaWorld.Low, size, DmaDirection.Bidirectional);
        answers.Set("error", result.Ok ? null : "DMA_MAPPING_ERROR");
        if (result.Ok)
        {
            world.AnswerPlace(answers, result.Value, DmaWorld.Low);
            Slots(c).Mappings[index] = (result.Value, size);
        }

        AnswerState(c, answers);
    }

    private static void MapUntilFail(ReplayCase c, Record record, Answers answers)
    {
        DmaWorld world = c.World.Dma;
        ulong size = record.In.Number("size");

        // Where the search starts decides how many fit; from the start of the area it is as many as can.
        world.Pool?.SetAreaHint((uint)world.Spec.Cpu, 0);
        Dictionary<int, (ulong Dma, ulong Size)> mappings = Slots(c).Mappings;
        int mapped = 0;
        while (mapped < (int)record.In.Number("cap")
            && world.Mapper.MapPage(Slots(c).Device, DmaWorld.Low, size, DmaDirection.Bidirectional) is { Ok: true } result)
        {
            mappings[mapped++] = (result.Value, size);
        }

        answers.Set("mapped", (long)mapped);
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
