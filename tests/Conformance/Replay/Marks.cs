using System.Globalization;
using System.Text.Json;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Bytes that the recorder stored without a step of its own, so that a later step could see whether they survive. Which bytes stands
/// nowhere; the replay stores marks of its own choice at the same places, and answers that show them are compared up to a renaming of
/// marks. So a pass says that the bytes survived, moved or vanished as recorded, and that equal ones stayed equal, not which they were.
/// </summary>
internal sealed class Marks(IReadOnlyList<Record> records)
{
    private const byte First = 0xe1;
    private const string Zero = "00";
    private readonly HashSet<string> _given = new(StringComparer.Ordinal);
    private readonly Renaming _renaming = new();
    private byte _next = First;

    /// <summary>True once there is one.</summary>
    public bool Any => _given.Count > 0;

    /// <summary>A byte that no step of the case names.</summary>
    public byte Next()
    {
        while (records.Any(r => r.In.GetRawText().Contains($"\"{Text(_next)}\"", StringComparison.OrdinalIgnoreCase)))
        {
            _next++;
        }

        _given.Add(Text(_next));
        return _next++;
    }

    /// <summary>Whether two values are equal but for marks, which stand for one recorded byte each, never zero.</summary>
    public bool Same(JsonElement recorded, JsonElement ours) => (recorded.ValueKind, ours.ValueKind) switch
    {
        (JsonValueKind.Array, JsonValueKind.Array) => recorded.GetArrayLength() == ours.GetArrayLength()
            && recorded.EnumerateArray().Zip(ours.EnumerateArray()).All(pair => Same(pair.First, pair.Second)),
        (JsonValueKind.String, JsonValueKind.String) when _given.Contains(ours.GetString()!) =>
            recorded.GetString() is { Length: 2 } text && text != Zero && _renaming.Match(ours.GetString()!, text),
        _ => JsonElement.DeepEquals(recorded, ours),
    };

    private static string Text(byte value) => value.ToString("x2", CultureInfo.InvariantCulture);
}
