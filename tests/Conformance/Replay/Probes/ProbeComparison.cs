using System.Text.Json;

namespace CocoGuest.Tests.Replay.Probes;

/// <summary>
/// Compares what a probe printed with the recording it was given, by the rules of the replay (<see cref="Comparison"/>): unstable fields
/// and those that say nothing about the kernel are left out, everything else has to be equal. A line that the probe did not print differs.
/// </summary>
internal sealed class ProbeComparison
{
    private const string SkippedField = "skipped";
    private readonly SortedDictionary<string, ProbeTally> _families = new(StringComparer.Ordinal);
    private readonly List<Difference> _differences = [];

    private ProbeComparison()
    {
    }

    /// <summary>By family.</summary>
    public IReadOnlyDictionary<string, ProbeTally> Families => _families;

    /// <summary>The first difference of each record that has one, in order.</summary>
    public IReadOnlyList<Difference> Differences => _differences;

    /// <summary>Equal records among those compared, in percent; 0 where none was compared.</summary>
    public double Percent
    {
        get
        {
            int compared = _families.Values.Sum(t => t.Compared);
            return compared == 0 ? 0 : 100.0 * _families.Values.Sum(t => t.Equal) / compared;
        }
    }

    /// <summary>Compares files.</summary>
    public static ProbeComparison OfFiles(string recording, string printed) => Of(RecordReader.Read(recording), RecordReader.Read(printed));

    /// <summary>Compares records.</summary>
    public static ProbeComparison Of(IEnumerable<Record> recording, IEnumerable<Record> printed)
    {
        var comparison = new ProbeComparison();
        var lines = new Dictionary<(string Family, string Case, int Step), Record>();
        foreach (Record line in printed)
        {
            lines[Key(line)] = line;
        }

        foreach (Record record in recording)
        {
            comparison.Add(record, lines.GetValueOrDefault(Key(record)));
        }

        return comparison;
    }

    private static (string Family, string Case, int Step) Key(Record record) => (record.Family, record.Case, record.Step);

    private void Add(Record record, Record? line)
    {
        if (!_families.TryGetValue(record.Family, out ProbeTally? tally))
        {
            _families.Add(record.Family, tally = new ProbeTally());
        }

        if (ReasonToSkip(record, line) is { } reason)
        {
            tally.Skip(reason);
            return;
        }

        Difference? difference = Compare(record, line);
        tally.Add(difference);
        if (difference is not null)
        {
            _differences.Add(difference);
        }
    }

    // A step whose recording says nothing (a fill, a close without a result) would count as equal whatever happened.
    private static string? ReasonToSkip(Record record, Record? line) =>
        !record.Out.EnumerateObject().Any() ? "the record has no result to compare"
        : NotNative.Operations.GetValueOrDefault(record.Op)
        ?? (line is not null && line.Out.TryGetProperty(SkippedField, out JsonElement said) ? said.GetString() : null);

    private static Difference? Compare(Record record, Record? line)
    {
        if (line is null || line.Op != record.Op)
        {
            return new Difference(record, "op", record.Op, line?.Op ?? "no line");
        }

        var answers = new Answers(record);
        foreach (JsonProperty field in line.Out.EnumerateObject())
        {
            answers.SetRaw(field.Name, field.Value.GetRawText());
        }

        return Comparison.FirstPrinted(record, answers, [.. NotNative.Fields.Keys]);
    }
}
