using System.Text.Json;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Compares an answer with a record, field by field. It is the only code that sees what the kernel gave. Left out are fields that were
/// unstable in the recorder's second run and those of <see cref="Incomparable"/>; <see cref="Renamed"/> and <see cref="Marks"/> say what is
/// equal up to a renaming.
/// </summary>
internal static class Comparison
{
    /// <summary>All differences; of several ways, those of the one that differs least.</summary>
    public static IReadOnlyList<Difference> All(ReplayCase running, Record record, Answers answers)
    {
        if (record.Unstable?.Contains("*") == true)
        {
            return [];
        }

        return answers.Ways.Count == 0
            ? Differences(running, record, answers)
            : answers.Ways.Select(way => Differences(running, record, way)).MinBy(d => d.Count)!;
    }

    /// <summary>
    /// The first difference of a line that a real program printed, which read its names and bytes from the record itself; null: none.
    /// </summary>
    /// <param name="record">The record.</param>
    /// <param name="answers">What the program printed.</param>
    /// <param name="leftOut">Fields that a program outside the kernel cannot know.</param>
    public static Difference? FirstPrinted(Record record, Answers answers, IReadOnlyCollection<string> leftOut) => record.Out
        .EnumerateObject()
        .Where(field => !leftOut.Contains(field.Name) && IsCompared(record, field.Name))
        .Where(field => answers.Find(field.Name) is not { } got || !SameValue(record, field.Value, got))
        .Select(field => new Difference(record, field.Name, field.Value.GetRawText(), answers.Find(field.Name) ?? "(nothing)"))
        .FirstOrDefault();

    /// <summary>Whether the field of a record is compared at all.</summary>
    public static bool IsCompared(Record record, string field) =>
        Incomparable.ReasonOf(field) is null && record.Unstable?.Contains(field) != true && record.Unstable?.Contains("*") != true;

    private static List<Difference> Differences(ReplayCase running, Record record, Answers answers)
    {
        var differences = new List<Difference>();
        foreach (JsonProperty field in record.Out.EnumerateObject())
        {
            if (answers.IsLeftOut(field.Name) || !IsCompared(record, field.Name))
            {
                continue;
            }

            string? got = answers.Find(field.Name);
            if (got is null || !Same(running, record, field, got))
            {
                differences.Add(new Difference(record, field.Name, field.Value.GetRawText(), got ?? "(nothing)"));
            }
        }

        return differences;
    }

    private static bool Same(ReplayCase running, Record record, JsonProperty field, string got)
    {
        JsonElement want = field.Value;
        bool texts = want.ValueKind == JsonValueKind.String && got.StartsWith('"');
        if (texts && Renamed.Texts.TryGetValue($"{record.Op}.{field.Name}", out Renamed.Row? row))
        {
            return Renamed.Same(row, want.GetString()!, JsonSerializer.Deserialize<string>(got)!, running.RenamingOf);
        }

        if (running.Marks.Any)
        {
            return running.Marks.Same(want, JsonDocument.Parse(got).RootElement);
        }

        return SameValue(record, want, got);
    }

    private static bool SameValue(Record record, JsonElement want, string got) =>
        want.ValueKind == JsonValueKind.String && got.StartsWith('"') ? want.ValueEquals(JsonSerializer.Deserialize<string>(got)!)
        : IsUnordered(record, want) ? SameSet(want, got)
        : want.GetRawText() == got || JsonElement.DeepEquals(want, JsonDocument.Parse(got).RootElement);

    // The recorder says of some lists that their order means nothing.
    private static bool IsUnordered(Record record, JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && record.Out.Flag("unordered");

    private static bool SameSet(JsonElement want, string got) =>
        want.EnumerateArray().Select(e => e.GetRawText()).Order(StringComparer.Ordinal)
            .SequenceEqual(JsonDocument.Parse(got).RootElement.EnumerateArray().Select(e => e.GetRawText()).Order(StringComparer.Ordinal));
}
