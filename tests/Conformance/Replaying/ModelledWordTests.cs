using System.Text.Json;
using CocoGuest.Tests.Replay;
using Record = CocoGuest.Tests.Replay.Record;

namespace CocoGuest.Tests.Conformance.Replaying;

/// <summary>What words mean to the replay: where the recorder did something without a step, or named what no step made.</summary>
public class ModelledWordTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Recordings");

    public static TheoryData<string> Words => [.. Directory.GetFiles(Folder, "words.*").Select(f => Path.GetFileName(f)).Order()];

    [Theory]
    [MemberData(nameof(Words))]
    public void Replay_RecordedWords_AreAllModelled(string file)
    {
        FileResult result = new FileReplay(Path.Combine(Folder, file), onlyCase: null).Run();

        Assert.Empty(result.Differences);
        Assert.All(result.Families.Values, family => Assert.Empty(family.Skips));
    }

    [Fact]
    public void Replay_BytesThatASecondMappingDoesNotShow_AreReported()
    {
        Record[] records = [.. RecordReader.Read(Path.Combine(Folder, "words.plain_72.jsonl.gz"))
            .Select(r => r.Op == "mem_read" ? r with { Out = Parse("""{"byte":"00"}""") } : r)];

        FileResult result = new FileReplay("vanished", records).Run();

        Assert.Equal(["m2", "m"], result.Differences.Select(d => d.Record.In.Text("map")));
    }

    [Theory]
    [InlineData("heap_alloc_ptr", """{"heap":"system","ptr":"kernel_addr","len":"0x1000","fd_flags":"0x2"}""")]
    [InlineData("dma_buf_ioctl_raw", """{"cmd":"SYNC","ptr":"kernel_addr"}""")]
    [InlineData("dma_buf_ioctl_raw", """{"cmd":"EXPORT_SYNC_FILE","ptr":"noncanonical"}""")]
    [InlineData("dma_buf_set_name", """{"fd":"a","ptr":"kernel_addr","variant":"B(u64)"}""")]
    [InlineData("udmabuf_ioctl_raw", """{"cmd":"CREATE","ptr":"kernel_addr"}""")]
    public void Replay_PointerThatNobodyCanRead_IsAFault(string op, string input) => AssertEqual(
        Step(0, "heap_alloc", """{"heap":"system","len":"0x1000"}""", """{"rc":0,"fd":"a"}"""),
        Step(1, op, input, """{"rc":-1,"errno":"EFAULT"}"""));

    [Theory]
    [InlineData("O_ACCMODE")]
    [InlineData("O_ACCMODE|O_CLOEXEC")]
    [InlineData("O_RDWR|O_NOCTTY|O_DSYNC|O_LARGEFILE")]
    [InlineData("0x3")]
    public void Replay_OpenFlags_OpenAHeapThatAllocates(string flags) => AssertEqual(
        Step(0, "open", $$"""{"path":"/dev/dma_heap/system","flags":"{{flags}}"}""", """{"rc":0,"fd":"h"}"""),
        Step(1, "ioctl_alloc", """{"fd":"h","len":"0x1000","fd_flags":"0x2","heap_flags":"0x0"}""", """{"rc":0,"fd":"a"}"""));

    /// <summary>Fences of one timeline are one fence, the later; those of two are two.</summary>
    [Theory]
    [InlineData("sw_sync", "sw_sync", "", 1)]
    [InlineData("tl1", "tl2", "", 2)]
    [InlineData("sw_sync_unsignaled", "sw_sync_second", "", 2)]
    [InlineData("unsignaled", "unsignaled", ""","tl":2""", 2)]
    public void Replay_ImportsOfNamedTimelines_AreAsManyFences(string first, string second, string timeline, int fences)
    {
        string each = string.Join(',', Enumerable.Repeat("""{"obj":"heapprobe","driver":"sw_sync","status":0}""", fences));
        AssertEqual(
            Step(0, "heap_alloc", """{"heap":"system","len":"0x1000"}""", """{"rc":0,"fd":"a"}"""),
            Step(1, "import_sync_file", $$"""{"fd":"a","flags":"0x1","sync_fd":"{{first}}"}""", """{"rc":0}"""),
            Step(2, "import_sync_file", $$"""{"fd":"a","flags":"0x2","sync_fd":"{{second}}"}""", """{"rc":0}"""),
            Step(3, "export_sync_file", """{"fd":"a","flags":"0x3","fd_field":0}""",
                $$"""{"rc":0,"fd":"s1","num_fences":{{fences}},"fences":[{{each}}],"status":0}"""),
            Step(4, "sw_sync_inc", $$"""{"by":1{{timeline}}}""", "{}"),
            Step(5, "sw_sync_inc", $$"""{"by":1{{timeline.Replace('2', '1')}}}""", "{}"));
    }

    /// <summary>The lines are a real 6.12's, of a case whose name alone says the heap; here the import's step does.</summary>
    [Fact]
    public void Replay_ImportThatNamesItsHeap_IsTracedWithWhatOnlyTheSequenceTells()
    {
        const string Sequence = """{"seq":"alloc 0x11000, prime import, SYNC START|READ, SYNC END|WRITE, gem_close"}""";
        string[] lines =
        [
            "dma_map_sg: vgem dir=BIDIRECTIONAL nents=1/1 ents=1/1 dma_addrs={A0} sizes={0x11000} phys_addrs={A0} attrs=",
            "dma_sync_sg_for_cpu: vgem dir=FROM_DEVICE dma_addrs={A0} sizes={0x11000}",
            "dma_sync_sg_for_device: vgem dir=TO_DEVICE dma_addrs={A0} sizes={0x11000}",
            "dma_unmap_sg: vgem dir=BIDIRECTIONAL phys_addrs={A0} attrs=",
        ];
        Record import = Step(0, "prime_fd_to_handle", """{"heap":"reserved","heap_flags":"0x0","len":"0x11000"}""", """{"rc":0}""");

        AssertEqual([.. lines.Select((line, i) => Step(i + 1, "trace_line", Sequence, JsonSerializer.Serialize(new { text = line })))
            .Prepend(import).Select(r => r with { Boot = "coco_no_swiotlb" })]);
    }

    private static void AssertEqual(params Record[] records)
    {
        FileResult result = new FileReplay("words", records).Run();

        Assert.Empty(result.Differences.Select(d => $"{d.Record.Place} {d.Field}: want {d.Want} got {d.Got}"));
        Assert.Empty(result.Families["words"].Skips);
    }

    private static Record Step(int step, string op, string input, string answer) =>
        new("words", "words.case", step, "plain_72", op, Parse(input), Parse(answer), null);

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;
}
