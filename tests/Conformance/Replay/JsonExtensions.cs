using System.Globalization;
using System.Text.Json;

namespace CocoGuest.Tests.Replay;

/// <summary>Reading arguments of records. Numbers may be numbers or strings, in decimal or in hex with 0x.</summary>
internal static class JsonExtensions
{
    public static bool Has(this JsonElement element, string key) => element.TryGetProperty(key, out _);

    public static string Text(this JsonElement element, string key) => element.GetProperty(key).GetString()!;

    public static string Text(this JsonElement element, string key, string otherwise) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : otherwise;

    public static ulong Number(this JsonElement element, string key) => NumberOf(element.GetProperty(key));

    public static ulong Number(this JsonElement element, string key, ulong otherwise) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? NumberOf(value) : otherwise;

    public static long Signed(this JsonElement element, string key, long otherwise) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? unchecked((long)NumberOf(value))
            : otherwise;

    public static bool Flag(this JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.Number => value.GetInt64() != 0,
            _ => false,
        };

    public static byte Byte(this JsonElement element, string key) =>
        byte.Parse(element.Text(key).AsSpan(element.Text(key).StartsWith("0x", StringComparison.Ordinal) ? 2 : 0), NumberStyles.HexNumber,
            CultureInfo.InvariantCulture);

    public static ulong NumberOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number when value.TryGetUInt64(out ulong number) => number,
        JsonValueKind.Number => unchecked((ulong)value.GetInt64()),
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        _ => Parse(value.GetString()!),
    };

    private static ulong Parse(string text) =>
        text.StartsWith("0x", StringComparison.Ordinal) ? ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        : text.StartsWith('-') ? unchecked((ulong)long.Parse(text, CultureInfo.InvariantCulture))
        : ulong.Parse(text, CultureInfo.InvariantCulture);
}
