using CocoGuest.Tests.Replay;

namespace CocoGuest.Tests.Conformance.Replaying;

/// <summary>Every recorded run of a real kernel gives the same answers on the machine.</summary>
public class RecordingTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Recordings");

    public static TheoryData<string> Files => [.. RecordReader.Find([Folder]).Select(f => Path.GetFileName(f))];

    [Theory]
    [Statement("S-DMA-30", "S-DMA-31", "S-DMA-32", "S-DMA-33", "S-DMA-50", "S-SWI-20", "S-SWI-22", "S-SWI-34", "S-SWI-40", "S-SWI-42")]
    [Statement("S-REC-23", "S-REC-01", "S-REC-02", "S-REC-03", "S-REC-30", "S-REC-55")]
    [MemberData(nameof(Files))]
    public void Replay_RecordedBoot_GivesTheSameAnswers(string file)
    {
        FileResult result = new FileReplay(Path.Combine(Folder, file), onlyCase: null).Run();

        string first = string.Join('\n', result.Differences.Take(20).Select(d => $"{d.Record.Place} {d.Field}: want {d.Want} got {d.Got}"));
        Assert.True(result.Differences.Count == 0, $"{result.Differences.Count} differences:\n{first}");
    }

    /// <summary>What the machine leaves out stays small: a skipped operation counts against it.</summary>
    [Fact]
    [Statement("S-REC-01")]
    public void Replay_AllRecordings_ModelsNearlyAllRecords()
    {
        const double LeastPart = 0.97;
        IReadOnlyList<FileResult> results = ReplayProgram.RunAll(RecordReader.Find([Folder]));

        Tally[] families = [.. results.SelectMany(r => r.Families.Values)];
        int skipped = families.Sum(t => t.Skipped);
        int records = families.Sum(t => t.Records);
        Assert.True(skipped <= records * (1 - LeastPart), $"{skipped} of {records} records are not modelled.");
        Assert.All(families.SelectMany(t => t.Skips.Keys), op => Assert.True(NotModelled.All.ContainsKey(op), op));
    }
}
