using System.Text.Json;
using CocoGuest.Tests.Replay;
using Record = CocoGuest.Tests.Replay.Record;

namespace CocoGuest.Tests.Conformance.Replaying;

/// <summary>
/// The checker is checked: the replay knows no recording by name, and reports every wrong answer but where a table of its own says that it
/// cannot. The sample has each family, the first kernel and the last, with bounced mappings and without.
/// </summary>
public class ReplayerTests
{
    private const int Turns = 3;
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Recordings");

    public static TheoryData<string> Sample =>
    [
        "probe.coco_swiotlb_force.jsonl.gz", "probe.coco_73.jsonl.gz", "cc.coco_no_swiotlb.jsonl.gz", "cc.coco_73.jsonl.gz",
        "importer.coco_73.jsonl.gz", "rdma.plain.jsonl.gz", "rdma.coco_73.jsonl.gz", "trace.coco_73.jsonl.gz",
        "dma.swiotlb_force_2cpu.cpu1.jsonl.gz", "dma.coco_73.jsonl.gz",
    ];

    [Theory]
    [MemberData(nameof(Sample))]
    public void Replay_UnderOtherNames_CountsTheSame(string file)
    {
        Record[] records = Read(file);

        FileResult renamed = new FileReplay("renamed", Variants.Renamed(records)).Run();

        Assert.Equal(CountsOf(new FileReplay(file, records).Run()), CountsOf(renamed));
    }

    /// <summary>Every field of every replayed record is made wrong once, or one of it in turn where there are many.</summary>
    [Theory]
    [MemberData(nameof(Sample))]
    public void Replay_WrongAnswers_AreReported(string file)
    {
        Record[] records = Replayed(Read(file));
        var missed = new SortedSet<string>(StringComparer.Ordinal);
        for (int turn = 0; turn < Turns; turn++)
        {
            missed.UnionWith(MissedAmong(records, turn));
        }

        missed.ExceptWith(Renamed.Values.Keys);
        Assert.All(missed, place => Assert.Contains(place[(place.IndexOf('/', StringComparison.Ordinal) + 1)..], Incomparable.Here.Keys));
    }

    /// <summary>A byte of the recorder's choice that vanished is a wrong answer, whichever byte it was.</summary>
    [Fact]
    public void Replay_VanishedBytes_AreReported()
    {
        Record[] records = Read("probe.coco_73.jsonl.gz");
        bool IsSought(Record r) => r.Op is "mem_read" or "child_saw" or "memfd_saw" && r.Out.Has("byte") && r.Out.Text("byte") != "00";

        FileResult result = new FileReplay(
            "vanished", records.Select(r => IsSought(r) ? r with { Out = Parse("{\"byte\":\"00\"}") } : r)).Run();

        int sought = Replayed(records).Count(IsSought);
        Assert.Equal(sought, result.Differences.Count);
        Assert.NotEqual(0, sought);
    }

    /// <summary>A buffer of another length answers otherwise wherever a length shows, and nowhere else.</summary>
    [Fact]
    public void Replay_LongerBuffers_FailWhereTheLengthShows()
    {
        string[] fields = ["len_after", "seek_end", "st_size"];
        Record[] records = [.. Read("probe.coco_73.jsonl.gz").Where(r => r.Family == "alloc" && !r.In.Has("ptr"))];
        HashSet<string> lengths = ["0x1", "0xfff", "0x1000", "0x1001", "0x10000"];
        Record[] shorts = [.. records.GroupBy(r => r.Case)
            .Where(c => c.Any(r => lengths.Contains(r.In.Text("len", "")))).SelectMany(c => c)];

        FileResult result = new FileReplay("longer", Variants.WithInput(shorts, "heap_alloc", "len", length => length + (1UL << 20))).Run();

        Assert.Equal(shorts.Sum(r => fields.Count(f => r.Out.Has(f))), result.Differences.Count(d => fields.Contains(d.Field)));
        Assert.All(result.Differences, d => Assert.Contains(d.Field, fields));
        Assert.NotEmpty(result.Differences);
    }

    private static IEnumerable<string> MissedAmong(Record[] records, int turn)
    {
        var wrong = new Dictionary<Record, string>(ReferenceEqualityComparer.Instance);
        var variant = new List<Record>();
        for (int i = 0; i < records.Length; i++)
        {
            string[] fields = [.. records[i].Out.EnumerateObject().Select(f => f.Name)
                .Where(f => !IsInput(records[i], f) && Comparison.IsCompared(records[i], f))];
            string? field = fields.Length == 0 ? null : fields[(i + turn) % fields.Length];
            Record? changed = field is null ? null : Variants.WithWrong(records[i], field);
            variant.Add(changed ?? records[i]);
            if (changed is not null)
            {
                wrong.Add(changed, field!);
            }
        }

        FileResult result = new FileReplay("planted", variant).Run();
        var found = new HashSet<Record>(result.Differences.Select(d => d.Record), ReferenceEqualityComparer.Instance);
        return wrong.Where(w => !found.Contains(w.Key)).Select(w => $"{w.Key.Family}/{w.Key.Op}.{w.Value}");
    }

    // The name of an fd and what a table tells are inputs that stand in the answer; "unordered" says how to compare.
    private static bool IsInput(Record record, string field) =>
        field is "fd" or "unordered" || Answers.ToldBy.ContainsKey($"{record.Op}.{field}");

    private static Record[] Replayed(Record[] records)
    {
        using var world = new BootWorld(BootTable.Of(records[0].Boot, new HashSet<string>()));
        return [.. records.GroupBy(r => (r.Family, r.Case)).SelectMany(steps =>
        {
            using var running = new ReplayCase(world, steps.Key.Family, steps.Key.Case, [.. steps]);
            return steps.Where(r => NotModelled.RowOf(running, r) is null).ToArray();
        })];
    }

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;

    private static Record[] Read(string file) => [.. RecordReader.Read(Path.Combine(Folder, file))];

    private static string CountsOf(FileResult result) => string.Join('\n', result.Families.OrderBy(f => f.Key, StringComparer.Ordinal)
        .Select(f => $"{f.Key}: {f.Value.Passed} passed, {f.Value.Failed} failed, {string.Join(", ", f.Value.Skips)}"));
}
