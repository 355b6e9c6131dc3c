using System.Text.Json;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Finds in a record what the replay does not understand, before anything runs: an operation, a field, a word. Such a record, and what
/// comes behind it in its case, is not modelled, by the name of the word.
/// </summary>
internal static class UnknownWord
{
    /// <summary>Why.</summary>
    public const string Reason = "the replay does not know the word; so it and the rest of its case are not replayed";

    /// <summary>The first unknown word of a record, as reports name it; null: all are known.</summary>
    public static string? FirstOf(ReplayCase c, Record record) =>
        Grammar.Find(record.Op) is not { } operation || OpTable.Find(record) is null ? $"operation '{record.Op}'"
        : OfInput(c, record, operation) ?? OfAnswer(record, operation);

    private static string? OfInput(ReplayCase c, Record record, Grammar.Operation operation)
    {
        foreach (JsonProperty field in record.In.EnumerateObject())
        {
            if (!operation.Inputs.TryGetValue(field.Name, out string? kind))
            {
                return $"field '{field.Name}' of {record.Op}";
            }

            if (Words.UnknownIn(c, record, kind, field.Value) is { } word)
            {
                return $"{word} of {record.Op}.{field.Name}";
            }
        }

        return null;
    }

    private static string? OfAnswer(Record record, Grammar.Operation operation)
    {
        foreach (JsonProperty field in record.Out.EnumerateObject())
        {
            if (field.Name != "errno" && !operation.Answers.Contains(field.Name))
            {
                return $"field '{field.Name}' in the answer of {record.Op}";
            }
        }

        return null;
    }
}
