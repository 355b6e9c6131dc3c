namespace CocoGuest.Tests.Replay;

/// <summary>Replays one file: one boot, its cases in order, each with fresh fds in a machine that goes on.</summary>
internal sealed class FileReplay(string path, string? onlyCase)
{
    private readonly Dictionary<string, Tally> _families = new(StringComparer.Ordinal);
    private readonly List<Difference> _differences = [];

    public FileResult Run()
    {
        Record[] records = [.. RecordReader.Read(path)];
        foreach (IGrouping<string, Record> boot in records.GroupBy(r => r.Boot))
        {
            using var world = new BootWorld(BootTable.Of(boot.Key, boot.Select(r => r.Family).ToHashSet(StringComparer.Ordinal)));
            RunCases(world, boot);
        }

        return new FileResult(path, _families, _differences);
    }

    // Records of a case stand together.
    private void RunCases(BootWorld world, IEnumerable<Record> records)
    {
        ReplayCase? running = null;
        Record[] all = [.. records];
        for (int i = 0; i < all.Length; i++)
        {
            Record record = all[i];
            if (onlyCase is not null && !record.Case.Contains(onlyCase, StringComparison.Ordinal))
            {
                continue;
            }

            if (running is null || running.Name != record.Case || running.Family != record.Family)
            {
                running?.Dispose();
                running = new ReplayCase(world, record.Family, record.Case);
            }

            running.IsLastStep = i + 1 == all.Length || all[i + 1].Case != record.Case || all[i + 1].Family != record.Family;
            RunOne(running, record);
        }

        running?.Dispose();
    }

    private void RunOne(ReplayCase running, Record record)
    {
        if (!_families.TryGetValue(record.Family, out Tally? tally))
        {
            _families.Add(record.Family, tally = new Tally());
        }

        if (NotModelled.ReasonOf(record) is not null)
        {
            tally.Skip(record.Op);
            return;
        }

        Difference[] differences = Compare(running, record);
        _differences.AddRange(differences);
        if (differences.Length == 0)
        {
            tally.Passed++;
        }
        else
        {
            tally.Failed++;
        }
    }

    private static Difference[] Compare(ReplayCase running, Record record)
    {
        if (OpTable.Find(record) is not { } handler)
        {
            return [new Difference(record, "op", record.Op, "no handler")];
        }

        var answers = new Answers(record);
        try
        {
            handler(running, record, answers);
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or ArgumentException or FormatException
            or IndexOutOfRangeException or NullReferenceException or InvalidCastException or OverflowException)
        {
            // A step on something that an earlier step failed to make.
            string? line = e.StackTrace?.Split('\n').FirstOrDefault(l => l.Contains("Replay", StringComparison.Ordinal))?.Trim();
            return [new Difference(record, "op", "an answer", $"{e.GetType().Name}: {e.Message} {line}")];
        }

        return [.. Comparison.All(record, answers)];
    }
}
