namespace CocoGuest.Tests.Replay;

/// <summary>
/// Replays the records of one file: one boot, its cases in order, each with fresh fds in a machine that goes on.
/// The path is for the report only.
/// </summary>
internal sealed class FileReplay(string path, IEnumerable<Record> source, string? onlyCase = null)
{
    private readonly Dictionary<string, Tally> _families = new(StringComparer.Ordinal);
    private readonly List<Difference> _differences = [];

    public FileReplay(string path, string? onlyCase)
        : this(path, RecordReader.Read(path), onlyCase)
    {
    }

    public FileResult Run()
    {
        foreach (IGrouping<string, Record> boot in source.GroupBy(r => r.Boot))
        {
            if (BootTable.UnknownIn(boot.Key) is { } word)
            {
                SkipBoot(boot, word);
                continue;
            }

            using var world = new BootWorld(BootTable.Of(boot.Key, boot.Select(r => r.Family).ToHashSet(StringComparer.Ordinal)));
            RunCases(world, boot);
        }

        return new FileResult(path, _families, _differences);
    }

    private void SkipBoot(IEnumerable<Record> records, string word)
    {
        foreach (Record record in records)
        {
            TallyOf(record).Skip($"boot of '{word}'");
        }
    }

    // Records of a case stand together.
    private void RunCases(BootWorld world, IEnumerable<Record> records)
    {
        var steps = new List<Record>();
        foreach (Record record in records)
        {
            if (onlyCase is not null && !record.Case.Contains(onlyCase, StringComparison.Ordinal))
            {
                continue;
            }

            if (steps.Count > 0 && (steps[0].Case != record.Case || steps[0].Family != record.Family))
            {
                RunCase(world, steps);
                steps = [];
            }

            steps.Add(record);
        }

        if (steps.Count > 0)
        {
            RunCase(world, steps);
        }
    }

    private void RunCase(BootWorld world, List<Record> steps)
    {
        using var running = new ReplayCase(world, steps[0].Family, steps[0].Case, steps);
        string? unknown = null;
        foreach (Record record in steps)
        {
            if (NotModelled.RowOf(running, record) is { } row)
            {
                TallyOf(record).Skip(row);
            }
            else if ((unknown ??= UnknownWord.FirstOf(running, record)) is { } word)
            {
                // What comes behind it in the case would be asked of something else than the recorder asked it of.
                TallyOf(record).Skip(word);
            }
            else
            {
                RunOne(running, record, TallyOf(record));
            }
        }
    }

    private Tally TallyOf(Record record)
    {
        if (!_families.TryGetValue(record.Family, out Tally? tally))
        {
            _families.Add(record.Family, tally = new Tally());
        }

        return tally;
    }

    private void RunOne(ReplayCase running, Record record, Tally tally)
    {

        IReadOnlyList<Difference> differences = Compare(running, record);
        _differences.AddRange(differences);
        if (differences.Count == 0)
        {
            tally.Passed++;
        }
        else
        {
            tally.Failed++;
        }
    }

    private static IReadOnlyList<Difference> Compare(ReplayCase running, Record record)
    {
        var answers = new Answers(record);
        try
        {
            OpTable.Find(record)!(running, record, answers);
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or ArgumentException or FormatException
            or IndexOutOfRangeException or NullReferenceException or InvalidCastException or OverflowException)
        {
            // A step on something that an earlier step failed to make.
            string? line = e.StackTrace?.Split('\n').FirstOrDefault(l => l.Contains("Replay", StringComparison.Ordinal))?.Trim();
            return [new Difference(record, "op", "an answer", $"{e.GetType().Name}: {e.Message} {line}")];
        }

        return Comparison.All(running, record, answers);
    }
}
