using System.Text.Json;
using CocoGuest.Tests.Replay;
using Record = CocoGuest.Tests.Replay.Record;

namespace CocoGuest.Tests.Conformance.Replaying;

/// <summary>
/// Where the slot search starts decides how many mappings fit. A step that says it is believed; where none does, the record has to be what
/// comes of some start.
/// </summary>
public class SearchStartTests
{
    private const string Sizes = "dma.coco_73.jsonl.gz";

    /// <summary>
    /// The rows that start at 58, 68 and 192 are a real kernel's; the others follow from the same rule: whole pages, in whole segments.
    /// </summary>
    [Theory]
    [Statement("S-SWI-20", "S-SWI-22")]
    [InlineData(6144, 58, 255, 765, "58,62,66,70,74,78,82,86,90,94,98,102")]
    [InlineData(6144, 0, 256, 768, "0,4,8,12,16,20,24,28,32,36,40,44")]
    [InlineData(65536, 68, 31, 992, "68,128,160,192,224,256,288,320,352,384,416,448")]
    [InlineData(65536, 64, 32, 1024, "64,96,128,160,192,224,256,288,320,352,384,416")]
    [InlineData(131072, 192, 16, 1024, "192,256,320,384,448,512,576,640,704,768,832,896")]
    [InlineData(131072, 200, 16, 1024, "256,320,384,448,512,576,640,704,768,832,896,960")]
    [InlineData(262144, 900, 8, 1024, "0,128,256,384,512,640,768,896")]
    public void Replay_PoolFilledFromARecordedStart_FitsAsManyAndWhereRecorded(
        int size, int start, int mapped, int used, string slots)
    {
        FileResult result = new FileReplay("start", Filling(size, start, mapped, used, slots)).Run();

        Assert.Empty(result.Differences);
        Assert.Empty(result.Families["swiotlb_slots"].Skips);
    }

    [Theory]
    [InlineData("start", "used")]
    [InlineData("map_until_fail", "mapped")]
    [InlineData("map_until_fail", "first_slots")]
    [InlineData("map_double_into_hole", "slot")]
    [InlineData("map_double_into_hole", "slot_offset")]
    [InlineData("dma_map_page", "slot")]
    [InlineData("dma_map_page", "area_index")]
    [InlineData("dma_unmap_page", "area_index")]
    public void Replay_WrongSlot_IsReported(string op, string field)
    {
        Record[] records = [.. Read(Sizes).Where(r => r.Family == "swiotlb_slots")];
        Record wrong = records.Last(r => r.Op == op && r.Out.Has(field));

        FileResult result = new FileReplay(
            "wrong", records.Select(r => ReferenceEquals(r, wrong) ? Variants.WithWrong(r, field)! : r)).Run();

        Difference found = Assert.Single(result.Differences);
        Assert.Equal((op, field, wrong.Step), (found.Record.Op, found.Field, found.Record.Step));
    }

    /// <summary>A real kernel fits 256 buffers of 256 KiB into a pool of 32768 slots: no step says where its search started.</summary>
    [Theory]
    [Statement("S-SWI-22")]
    [InlineData(256, 32768, true)]
    [InlineData(255, 32640, true)]
    [InlineData(256, 32640, false)]
    [InlineData(254, 32512, false)]
    [InlineData(257, 32768, false)]
    public void Replay_ImportsUntilThePoolIsFull_AreWhatSomeStartGives(int count, int used, bool equal)
    {
        FileResult result = new FileReplay("imports",
        [
            Step("cc_import", 0, "coco_swiotlb_force", "import_until_fail", """{"heap_flags":"0x0","len":"0x40000","max":400}""",
                $$"""{"count":{{count}},"errno":"EIO","used":{{used}}}"""),
            Step("cc_import", 1, "coco_swiotlb_force", "crypt_counters", """{"when":"end"}""",
                """{"set_decrypted_calls":0,"set_encrypted_calls":0,"decrypted_pages_ok":0,"encrypted_pages_ok":0}"""),
        ]).Run();

        Assert.Equal(equal, result.Differences.Count == 0);
        Assert.Empty(result.Families["cc_import"].Skips);
    }

    // A case before leaves the search elsewhere, as a half of a recording does.
    private static IEnumerable<Record> Filling(int size, int start, int mapped, int used, string slots) =>
    [
        Step("swiotlb_slots", 0, "coco_72", "start", "{}", """{"area_index":17,"used":0}""", "before"),
        Step("swiotlb_slots", 1, "coco_72", "dma_map_page", """{"i":0,"size":2048}""", """{"bounced":true,"slot":17}""", "before"),
        Step("swiotlb_slots", 2, "coco_72", "unmap_all", "{}", """{"used":0}""", "before"),
        Step("swiotlb_slots", 0, "coco_72", "start", "{}", $$"""{"area_index":{{start}},"used":0}"""),
        Step("swiotlb_slots", 1, "coco_72", "map_until_fail", $$"""{"size":{{size}},"cap":4096,"area_slots":1024,"areas":1}""",
            $$"""{"mapped":{{mapped}},"used":{{used}},"first_slots":[{{slots}}]}"""),
        Step("swiotlb_slots", 2, "coco_72", "unmap_all", "{}", """{"used":0}"""),
    ];

    private static Record Step(string family, int step, string boot, string op, string input, string answer, string name = "case") => new(
        family, $"{family}.{name}", step, boot, op, JsonDocument.Parse(input).RootElement, JsonDocument.Parse(answer).RootElement, null);

    private static IEnumerable<Record> Read(string file) => RecordReader.Read(Path.Combine(AppContext.BaseDirectory, "Recordings", file));
}
