using System.Text.Json;
using System.Text.Json.Nodes;
using CocoGuest.Tests.Replay;
using Record = CocoGuest.Tests.Replay.Record;

namespace CocoGuest.Tests.Conformance.Replaying;

/// <summary>Recordings as they might have been: other names, other numbers of steps, other inputs, wrong answers.</summary>
internal static class Variants
{
    private const int StepStride = 3;
    private const int FirstStep = 11;
    private static readonly string[] LabelInputs = ["fd", "map"];

    /// <summary>
    /// The same runs under other names: cases, numbers of steps, and the names of fds that a step says it made. Kept are the words of names
    /// that carry parameters (<see cref="PhysName"/>, and the one case that is skipped by its name).
    /// </summary>
    public static IEnumerable<Record> Renamed(IEnumerable<Record> records)
    {
        var cases = new Dictionary<(string Family, string Case), string>();
        foreach (IGrouping<(string Family, string Case), Record> steps in records.GroupBy(r => (r.Family, r.Case)))
        {
            cases.Add(
                steps.Key, $"another{cases.Count}{string.Concat(steps.Key.Case.Split('.').Where(CarriesParameter).Select(w => "." + w))}");
            HashSet<string> made = [.. steps.Select(r => r.Out.Text("fd", "")).Where(label => label.Length > 0)];
            foreach (Record record in steps)
            {
                yield return record with
                {
                    Case = cases[steps.Key],
                    Step = FirstStep + (record.Step * StepStride),
                    In = Change(record.In, input => Relabel(input, made, LabelInputs)),
                    Out = Change(record.Out, output => Relabel(output, made, ["fd"])),
                };
            }
        }
    }

    /// <summary>The same runs with another input.</summary>
    public static IEnumerable<Record> WithInput(IEnumerable<Record> records, string op, string key, Func<ulong, ulong> change) =>
        records.Select(record => record.Op != op || !record.In.Has(key) ? record : record with
        {
            In = Change(record.In, input => input[key] = $"0x{change(record.In.Number(key)):x}"),
        });

    /// <summary>A record with one field of its answer changed, or null if there is nothing that could be changed.</summary>
    public static Record? WithWrong(Record record, string field)
    {
        bool changed = false;
        JsonElement answer = Change(record.Out, output =>
        {
            JsonNode? wrong = Wrong(output[field]);
            changed = wrong is not null;
            output[field] = wrong;
        });
        return changed ? record with { Out = answer } : null;
    }

    private static JsonNode? Wrong(JsonNode? value)
    {
        switch (value?.GetValueKind())
        {
            case JsonValueKind.Number:
                return value.GetValue<decimal>() + 1;
            case JsonValueKind.True or JsonValueKind.False:
                return !value.GetValue<bool>();
            case JsonValueKind.String:
                return WrongText(value.GetValue<string>());
            case JsonValueKind.Null or null:
                return "DMA_MAPPING_ERROR";
            case JsonValueKind.Array when value.AsArray().Count > 0:
                JsonArray list = value.DeepClone().AsArray();
                list[^1] = Wrong(list[^1]);
                return list;
            case JsonValueKind.Object when value.AsObject().Count > 0:
                JsonObject members = value.DeepClone().AsObject();
                string last = members.Last().Key;
                members[last] = Wrong(members[last]);
                return members;
            default:
                return new JsonArray(0);
        }
    }

    // Another errno, another byte or number in hex, a text with one more character.
    private static string WrongText(string text) => text switch
    {
        "EXDEV" => "ELOOP",
        ['E', .., >= 'A' and <= 'Z'] when text.All(char.IsAsciiLetterOrDigit) => "EXDEV",
        ['0', 'x', ..] or { Length: 2 } when text.All(char.IsAsciiHexDigit) => text == "9d" ? "8c" : "9d",
        _ => text + "1",
    };

    private static bool CarriesParameter(string word) =>
        word.EndsWith("flag_off_after_alloc", StringComparison.Ordinal)
        || word.StartsWith("align", StringComparison.Ordinal)
        || (word.Length > 4 && word[..4] is "size" or "mask" && char.IsAsciiDigit(word[4]));

    private static void Relabel(JsonObject members, HashSet<string> made, string[] keys)
    {
        foreach (string key in keys)
        {
            if (members[key]?.GetValueKind() != JsonValueKind.String)
            {
                continue;
            }

            string label = members[key]!.GetValue<string>();
            string inner = label.StartsWith("dup(", StringComparison.Ordinal) ? label[4..^1] : label;
            members[key] = made.Contains(inner) ? label.Replace(inner, $"other_{inner}", StringComparison.Ordinal) : label;
        }
    }

    private static JsonElement Change(JsonElement element, Action<JsonObject> change)
    {
        JsonObject members = JsonNode.Parse(element.GetRawText())!.AsObject();
        change(members);
        return JsonDocument.Parse(members.ToJsonString(Escaping.AsRecorded)).RootElement;
    }
}
