using System.Text.Json;

namespace CocoGuest.Tests.Replay;

/// <summary>Compares an answer with a record, field by field, leaving out what is unstable or never meant for comparing.</summary>
internal static class Comparison
{
    /// <summary>Fields that say nothing about the kernel, with the reason.</summary>
    public static IReadOnlyDictionary<string, string> NeverCompared { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["memfree_kb"] = "kilobytes of free memory",
        ["memfree_after_kb"] = "kilobytes of free memory",
        ["memfree_delta_kb"] = "kilobytes of free memory",
        ["memfree_drop_kb"] = "kilobytes of free memory",
        ["memfree_drop_kb_approx"] = "kilobytes of free memory",
        ["cmafree_delta_kb"] = "kilobytes of free memory",
        ["cmafree_drop_kb"] = "kilobytes of free memory",
        ["memtotal_kb"] = "kilobytes of memory",
        ["cmatotal_kb"] = "kilobytes of memory",
    };

    /// <summary>The first difference, or null.</summary>
    public static Difference? First(Record record, Answers answers) => All(record, answers).FirstOrDefault();

    /// <summary>All differences.</summary>
    public static IEnumerable<Difference> All(Record record, Answers answers)
    {
        if (record.Unstable?.Contains("*") == true)
        {
            yield break;
        }

        foreach (JsonProperty field in record.Out.EnumerateObject())
        {
            if (NeverCompared.ContainsKey(field.Name) || record.Unstable?.Contains(field.Name) == true || answers.IsIncomparable(field.Name))
            {
                continue;
            }

            string? got = answers.Find(field.Name);
            bool same = got is not null && (IsUnordered(record, field.Value) ? SameSet(field.Value, got) : Same(field.Value, got));
            if (!same)
            {
                yield return new Difference(record, field.Name, field.Value.GetRawText(), got ?? "(nothing)");
            }
        }
    }

    // The recorder says of some lists that their order means nothing.
    private static bool IsUnordered(Record record, JsonElement value) => value.ValueKind == JsonValueKind.Array && record.Out.Flag("unordered");

    private static bool SameSet(JsonElement want, string got) =>
        want.EnumerateArray().Select(e => e.GetRawText()).Order(StringComparer.Ordinal)
            .SequenceEqual(JsonDocument.Parse(got).RootElement.EnumerateArray().Select(e => e.GetRawText()).Order(StringComparer.Ordinal));

    private static bool Same(JsonElement want, string got)
    {
        if (want.ValueKind == JsonValueKind.String && got.StartsWith('"'))
        {
            return want.ValueEquals(JsonSerializer.Deserialize<string>(got)!);
        }

        return want.GetRawText() == got || JsonElement.DeepEquals(want, JsonDocument.Parse(got).RootElement);
    }
}
