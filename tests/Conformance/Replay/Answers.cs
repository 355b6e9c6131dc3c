using System.Globalization;
using System.Text.Json;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// What the machine answered to one operation, as raw JSON by field. It knows which fields the record has, so that nothing costly is
/// computed for nobody, but no handler ever sees what the kernel gave. The one value that it hands out is a <see cref="Label"/>.
/// </summary>
internal sealed class Answers(Record record)
{
    private const string FdField = "fd";
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _incomparable = new(StringComparer.Ordinal);

    /// <summary>True if the record has the field and it is to be compared.</summary>
    public bool Wants(string key) => record.Out.Has(key);

    /// <summary>
    /// The name by which later steps call the fd that this step made. The recorder chose it; it says nothing about the kernel, so it is an
    /// input, and field <c>fd</c> is answered with it.
    /// </summary>
    /// <param name="otherwise">What the recordings call such an fd where the step does not say.</param>
    public string Label(string otherwise)
    {
        string label = record.Out.Text(FdField, otherwise);
        Set(FdField, label);
        return label;
    }

    /// <summary>
    /// A state that the recorder found or made without a step and that stands nowhere but in the answer (<see cref="ToldBy"/>): an input.
    /// </summary>
    public ulong Told(string key) => ToldBy.ContainsKey($"{record.Op}.{key}")
        ? record.Out.Number(key, 0)
        : throw new InvalidOperationException($"{record.Op}.{key} is an answer.");

    /// <summary>Answers that are inputs, as <c>op.field</c>, with the reason. This table is the only one.</summary>
    public static IReadOnlyDictionary<string, string> ToldBy { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["start.area_index"] = "where the slot search of the pool's first area starts, as the cases before left it",
        ["memfd.seals"] = "the seals that the recorder put on the file before the step",
    };

    /// <summary>
    /// The ways in which the operation may end, where the machine does not know which: the record has to be one of them, whole. Empty: one
    /// way, the values of this object.
    /// </summary>
    public IReadOnlyList<Answers> Ways { get; private set; } = [];

    /// <summary>Answers with several ways (<see cref="Ways"/>).</summary>
    public void OneOf<T>(IEnumerable<T> ways, Action<Answers, T> fill) => Ways = [.. ways.Select(way =>
    {
        var answers = new Answers(record);
        fill(answers, way);
        return answers;
    })];

    public void Set(string key, bool value) => _values[key] = value ? "true" : "false";

    public void Set(string key, long value) => _values[key] = value.ToString(CultureInfo.InvariantCulture);

    public void Set(string key, ulong value) => _values[key] = value.ToString(CultureInfo.InvariantCulture);

    public void Set(string key, string? value) =>
        _values[key] = value is null ? "null" : JsonSerializer.Serialize(value, Escaping.AsRecorded);

    /// <summary>Sets a field to JSON text without blanks.</summary>
    public void SetRaw(string key, string json) => _values[key] = json;

    /// <summary>rc 0, or −1 with the errno's name.</summary>
    public void SetResult(CocoGuest.Machine.Abi.Failure? failure) => SetErrno(failure?.Errno ?? CocoGuest.Machine.Abi.Errno.None);

    /// <summary>rc 0, or −1 with the errno's name.</summary>
    public void SetErrno(CocoGuest.Machine.Abi.Errno errno)
    {
        Set("rc", errno == CocoGuest.Machine.Abi.Errno.None ? 0L : -1L);
        if (errno != CocoGuest.Machine.Abi.Errno.None)
        {
            Set("errno", errno.ToString());
        }
    }

    /// <summary>
    /// The field depends here on something that nobody could reproduce: a row of <see cref="Incomparable.Here"/>, whose condition holds.
    /// </summary>
    public void LeaveOut(string key)
    {
        string row = $"{record.Op}.{key}";
        _incomparable.Add(Incomparable.Here.ContainsKey(row) ? key : throw new InvalidOperationException($"There is no reason for {row}."));
    }

    /// <summary>Whether a handler said so.</summary>
    public bool IsLeftOut(string key) => _incomparable.Contains(key);

    /// <summary>The raw JSON of a field, or null if the machine gave none.</summary>
    public string? Find(string key) => _values.GetValueOrDefault(key);
}
