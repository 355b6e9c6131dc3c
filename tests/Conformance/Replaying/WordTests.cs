using System.Text.Json;
using CocoGuest.Tests.Replay;
using Record = CocoGuest.Tests.Replay.Record;

namespace CocoGuest.Tests.Conformance.Replaying;

/// <summary>
/// A word that the replay does not know is "not modelled" by its name, and so is what comes behind it in its case: never an exception, and
/// never an answer to some other question.
/// </summary>
public class WordTests
{
    private const string Family = "words";

    [Theory]
    [InlineData("open", """{"path":"/dev/dma_heap/system","flags":"O_RDWR|O_FROB"}""", "O_FROB")]
    [InlineData("mmap", """{"fd":"a","len":"0x1000","prot":"RW","flags":"MAP_FROB","offset":"0x0"}""", "MAP_FROB")]
    [InlineData("mmap", """{"fd":"a","len":"0x1000","prot":"RWS","flags":"MAP_SHARED","offset":"0x0"}""", "RWS")]
    [InlineData("fcntl_setfl", """{"fd":"a","flags":"O_FROB"}""", "O_FROB")]
    [InlineData("msync", """{"map":"m","flags":"MS_SYNC|MS_FROB"}""", "MS_FROB")]
    [InlineData("mremap", """{"old":4096,"new":8192,"flags":"MAYMOVE|FROB"}""", "FROB")]
    [InlineData("fcntl_add_seals", """{"seals":"F_SEAL_FROB"}""", "F_SEAL_FROB", "udmabuf")]
    public void Replay_UnknownFlag_IsNotModelledByItsName(string op, string input, string word, string family = Family) =>
        AssertNotModelled(op, input, word, family: family);

    [Theory]
    [InlineData("heap_alloc_ptr", """{"heap":"system","ptr":"frob_page","len":"0x1000","fd_flags":"0x2"}""")]
    [InlineData("dma_buf_ioctl_raw", """{"cmd":"SYNC","ptr":"frob_page"}""")]
    [InlineData("dma_buf_set_name", """{"fd":"a","ptr":"frob_page","variant":"B(u64)"}""")]
    [InlineData("udmabuf_ioctl_raw", """{"cmd":"CREATE","ptr":"frob_page"}""")]
    public void Replay_UnknownPointer_IsNotModelledByItsName(string op, string input) => AssertNotModelled(op, input, "frob_page");

    [Theory]
    [InlineData("dma_buf_ioctl_raw", """{"cmd":"FROB","ptr":"NULL"}""")]
    [InlineData("udmabuf_ioctl_raw", """{"cmd":"FROB"}""")]
    [InlineData("dma_buf_set_name", """{"fd":"a","name":"n","variant":"FROB"}""")]
    [InlineData("ioctl_fail_nth", """{"ioctl":"FROB","fail_nth":1}""")]
    [InlineData("madvise", """{"map":"m","advice":"FROB"}""")]
    [InlineData("fcntl_setlk", """{"fd":"a","type":"FROB"}""")]
    [InlineData("trace_line", """{"seq":"attach, FROB, detach"}""")]
    public void Replay_UnknownCommand_IsNotModelledByItsName(string op, string input) => AssertNotModelled(op, input, "FROB");

    [Theory]
    [InlineData("open", """{"path":"/dev/dma_heap/system","flags":"O_RDWR","frob":1}""")]
    [InlineData("close", """{"fd":"a","frob":"now"}""")]
    [InlineData("dma_map_phys", """{"frob":"0x1"}""")]
    [InlineData("live_buffers", """{"source":"bufinfo","frob":null}""")]
    public void Replay_UnknownField_IsNotModelledByItsName(string op, string input) => AssertNotModelled(op, input, "frob");

    [Fact]
    public void Replay_UnknownFieldOfAnAnswer_IsNotModelledByItsName() =>
        AssertNotModelled("live_buffers", """{"source":"bufinfo"}""", "frob", """{"objects":0,"frob":1}""");

    [Theory]
    [InlineData("frob_setup")]
    [InlineData("Close")]
    [InlineData("")]
    public void Replay_UnknownOperation_IsNotModelledByItsName(string op) => AssertNotModelled(op, "{}", $"'{op}'");

    [Theory]
    [InlineData("prime_fd_to_handle", """{"fd":"frob","flags":"0x0"}""")]
    [InlineData("import_sync_file", """{"fd":"a","flags":"0x1","sync_fd":"frob"}""")]
    [InlineData("udmabuf_create", """{"memfd":"frob","size":"0x1000"}""")]
    [InlineData("udmabuf_create_list", """{"items":[["A",0,4096],["frob",0,4096]]}""")]
    [InlineData("reg_user_mr", """{"memory":"frob","len":4096,"access":"0x1"}""")]
    [InlineData("reg_dmabuf_mr", """{"device":"rxe","memory":"frob","offset":0,"len":4096,"access":"0x1"}""")]
    [InlineData("mem_read", """{"map":"frob","offset":0}""")]
    [InlineData("dma_buf_map_attachment", """{"att":0,"dir":"frob"}""")]
    [InlineData("crypt_counters", """{"when":"frob"}""")]
    [InlineData("read_bufinfo", """{"live":0,"after":"frob"}""")]
    [InlineData("heap_alloc", """{"heap":"system","len":"frob"}""")]
    [InlineData("mem_fill", """{"map":"m","len":4096,"byte":"frob"}""")]
    [InlineData("dma_map_sgtable", """{"mask_bits":64,"dir":"TO_DEVICE","attrs":"0x0","lens":[4096,"frob"]}""")]
    public void Replay_UnknownNameOrNumber_IsNotModelledByItsName(string op, string input) => AssertNotModelled(op, input, "frob");

    [Fact]
    public void Replay_BootOfUnknownWord_IsNotModelledByItsName()
    {
        FileResult result = new FileReplay(
            "words", [Step(0, "live_buffers", """{"source":"bufinfo"}""", """{"objects":0}""", boot: "frob_73")]).Run();

        AssertSkipped(result, "frob", 1);
    }

    [Fact]
    public void Replay_StepsBehindAnUnknownWord_AreNotModelledByThatWord()
    {
        FileResult result = new FileReplay("words",
        [
            Step(0, "heap_alloc", """{"heap":"system","len":"0x1000"}""", """{"rc":0,"fd":"a"}"""),
            Step(1, "mmap", """{"fd":"a","len":"0x1000","prot":"RW","flags":"MAP_FROB"}""", """{"rc":0}"""),
            Step(2, "mem_read", """{"map":"m","offset":0}""", """{"byte":"77"}"""),
            Step(3, "close", """{"fd":"a"}""", """{"rc":0}"""),
        ]).Run();

        AssertSkipped(result, "MAP_FROB", 3);
        Assert.Equal(1, result.Families["words"].Passed);
    }

    [Fact]
    public void Print_OfAnUnknownWord_NamesItAndSaysWhy()
    {
        var text = new StringWriter();

        Report.Print(text, [new FileReplay("words", [Step(0, "frob", "{}", "{}")]).Run()], verbose: false, TimeSpan.FromSeconds(1));

        Assert.Contains("not modelled: operation 'frob' (1): the replay does not know", text.ToString(), StringComparison.Ordinal);
    }

    private static void AssertNotModelled(string op, string input, string word, string answer = """{"rc":0}""", string family = Family) =>
        AssertSkipped(new FileReplay("words", [Step(0, op, input, answer, family)]).Run(), word, 1);

    private static void AssertSkipped(FileResult result, string word, int records)
    {
        Assert.Empty(result.Differences);
        KeyValuePair<string, int> skip = Assert.Single(Assert.Single(result.Families).Value.Skips);
        Assert.Contains(word, skip.Key, StringComparison.Ordinal);
        Assert.Equal(records, skip.Value);
    }

    private static Record Step(int step, string op, string input, string answer, string family = Family, string boot = "plain_73") => new(
        family, $"{family}.case", step, boot, op, JsonDocument.Parse(input).RootElement, JsonDocument.Parse(answer).RootElement, null);
}
