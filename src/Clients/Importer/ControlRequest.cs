using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CocoGuest.Client;

namespace CocoGuest.Importer;

/// <summary>One request of the line protocol: a JSON object with <c>id</c>, <c>op</c> and the operation's own fields.</summary>
/// <param name="json">The object.</param>
public sealed class ControlRequest(JsonObject json)
{
    /// <summary>What the answer repeats; anything.</summary>
    public JsonNode? Id => json["id"]?.DeepClone();

    /// <summary>Name of the operation.</summary>
    public string Operation => Text("op");

    /// <summary>A text that must be given.</summary>
    /// <param name="field">Name of the field.</param>
    /// <exception cref="CocoException">EINVAL: missing or of another kind.</exception>
    public string Text(string field) => TextOrNull(field) ?? throw Wrong(field, "must be given as text");

    /// <summary>A text, or null where none is given.</summary>
    /// <param name="field">Name of the field.</param>
    public string? TextOrNull(string field) => json[field] switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        _ => throw Wrong(field, "must be text"),
    };

    /// <summary>A number that must be given: a JSON number, or text such as <c>"0x1000"</c>.</summary>
    /// <param name="field">Name of the field.</param>
    public ulong Number(string field) => NumberOrNull(field) ?? throw Wrong(field, "must be given as a number");

    /// <summary>A number, or null where none is given.</summary>
    /// <param name="field">Name of the field.</param>
    public ulong? NumberOrNull(string field)
    {
        if (json[field] is not { } node)
            return null;
        bool isText = node.GetValueKind() == JsonValueKind.String;
        string text = isText ? node.GetValue<string>() : node.ToJsonString();
        bool ok = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        return ok ? number : throw Wrong(field, "must be a number from 0 to 2^64 - 1");
    }

    /// <summary>A 32-bit number, or a default where none is given.</summary>
    /// <param name="field">Name of the field.</param>
    /// <param name="otherwise">The default.</param>
    public uint Number32(string field, uint otherwise) => NumberOrNull(field) switch
    {
        null => otherwise,
        { } number when number <= uint.MaxValue => (uint)number,
        _ => throw Wrong(field, "must be below 2^32"),
    };

    /// <summary>A size in pixels: 1 to 32768.</summary>
    /// <param name="field">Name of the field.</param>
    public int Pixels(string field) =>
        Number(field) is >= 1 and <= 32768 and var number ? (int)number : throw Wrong(field, "must be 1 to 32768");

    private static CocoException Wrong(string field, string what) =>
        new(22, "EINVAL", "request", "fields", $"'{field}' {what}.") { Field = field };
}
