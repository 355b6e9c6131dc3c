using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Questions to the DMA layer and ranges that are no memory: families dma_query and dma_resource.</summary>
internal static class DmaQueryOps
{
    private const ulong FourGiB = 1UL << 32;

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("query", Query), new("pool", Pool), new("platform", Platform), new("dma_map_resource", MapResource),
    ];

    private static void Query(ReplayCase c, Record record, Answers answers)
    {
        DmaWorld world = c.World.Dma;
        DmaDevice device = world.NewDevice((int)record.In.Number("mask_bits"), record.In.Number("min_align_mask", 0));
        answers.Set("max_mapping_size", Hex(world.Mapper.MaxMappingSize(device)));
        answers.Set("opt_mapping_size", Hex(world.Mapper.MaxMappingSize(device)));
        answers.Set("required_mask", Hex(world.Mapper.RequiredMask(device)));
        answers.Set("addressing_limited", world.Mapper.IsAddressingLimited(device));
        answers.Set("swiotlb_active", device.Pool is not null);
        answers.Set("force_bounce", device.ForcedBounce);
        answers.Set("max_seg_size", device.Options.MaxSegmentSize);
        answers.Set("seg_boundary", Hex(device.Options.SegmentBoundaryMask));
        answers.Set("need_sync_flag", world.Mapper.NeedsSync(device));
    }

    private static void Pool(ReplayCase c, Record record, Answers answers)
    {
        if (c.World.Dma.Pool is not { } pool)
        {
            return;
        }

        answers.Set("nslabs", (ulong)pool.Slots);
        answers.Set("nareas", (ulong)pool.Areas);
        answers.Set("area_nslabs", (ulong)(pool.Slots / pool.Areas));
        answers.Set("bytes", pool.End - pool.Start);
        answers.Set("start_aligned_4k", Page.IsAligned(pool.Start));
        answers.Set("below_4g", pool.End <= FourGiB);
    }

    private static void Platform(ReplayCase c, Record record, Answers answers)
    {
        DmaEnvironment environment = c.World.Dma.Mapper.Environment;
        DmaDevice device = c.World.Dma.NewDevice(64, 0);
        answers.Set("cc_mem_encrypt", environment.MemEncrypt);
        answers.Set("cc_guest_mem_encrypt", environment.GuestMemEncrypt);
        answers.Set("cc_host_mem_encrypt", environment.HostMemEncrypt);
        answers.Set("force_dma_unencrypted", device.ForceUnencrypted);
        answers.Set("swiotlb_active", device.Pool is not null);
        answers.Set("force_bounce", device.ForcedBounce);
    }

    private static void MapResource(ReplayCase c, Record record, Answers answers)
    {
        DmaWorld world = c.World.Dma;
        DmaDevice device = world.NewDevice((int)record.In.Number("mask_bits"), 0);
        ulong phys = record.In.Number("phys");
        Result<ulong> result = world.Mapper.MapResource(device, phys, record.In.Number("size"), DmaDirection.Bidirectional);
        answers.Set("error", result.Ok ? null : "DMA_MAPPING_ERROR");
        answers.Set("addr_equals_phys", result.Ok && result.Value == phys);
        answers.Set("used", world.Used);
    }

    private static string Hex(ulong value) => $"0x{value:x}";
}
