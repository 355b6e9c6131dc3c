using System.Globalization;
using System.Text.Json;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// What the machine answered to one operation, as raw JSON by field. It knows which fields the record has, so that nothing costly is computed
/// for nobody, but not their values: <see cref="Observed"/> is the one exception, for inputs that the recorder could only write as an
/// observation (where a search of the slot allocator starts).
/// </summary>
internal sealed class Answers(Record record)
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _incomparable = new(StringComparer.Ordinal);

    /// <summary>True if the record has the field and it is to be compared.</summary>
    public bool Wants(string key) => record.Out.Has(key);

    /// <summary>A recorded observation that is an input of the replay.</summary>
    /// <remarks>A record whose handler looked is counted as <see cref="Assisted"/>; the name of an fd says nothing and does not count.</remarks>
    public JsonElement? Observed(string key)
    {
        if (!record.Out.TryGetProperty(key, out JsonElement value))
        {
            return null;
        }

        Assisted |= key != "fd";
        return value;
    }

    /// <summary>The handler looked at what the kernel gave, so a pass proves less than the others do.</summary>
    public bool Assisted { get; private set; }

    public void Set(string key, bool value) => _values[key] = value ? "true" : "false";

    public void Set(string key, long value) => _values[key] = value.ToString(CultureInfo.InvariantCulture);

    public void Set(string key, ulong value) => _values[key] = value.ToString(CultureInfo.InvariantCulture);

    public void Set(string key, string? value) => _values[key] = value is null ? "null" : JsonSerializer.Serialize(value, Escaping.AsRecorded);

    /// <summary>Sets a field to JSON text without blanks.</summary>
    public void SetRaw(string key, string json) => _values[key] = json;

    /// <summary>rc 0, or −1 with the errno's name.</summary>
    public void SetResult(CocoGuest.Machine.Failure? failure) => SetErrno(failure?.Errno ?? CocoGuest.Machine.Errno.None);

    /// <summary>rc 0, or −1 with the errno's name.</summary>
    public void SetErrno(CocoGuest.Machine.Errno errno)
    {
        Set("rc", errno == CocoGuest.Machine.Errno.None ? 0L : -1L);
        if (errno != CocoGuest.Machine.Errno.None)
        {
            Set("errno", errno.ToString());
        }
    }

    /// <summary>The field depends here on something that nobody could reproduce, such as where a page lies in the recorder's memory.</summary>
    public void Incomparable(string key) => _incomparable.Add(key);

    /// <summary>Whether a handler said so.</summary>
    public bool IsIncomparable(string key) => _incomparable.Contains(key);

    /// <summary>The raw JSON of a field, or null if the machine gave none.</summary>
    public string? Find(string key) => _values.GetValueOrDefault(key);
}
