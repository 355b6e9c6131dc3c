using System.Globalization;
using System.Text.Json;
using CocoGuest.Machine.Mappings;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Mappings of one buffer that a case tells apart by number: <c>m</c>, <c>m2</c>, <c>m3</c> in the order in which they were made. What is
/// read through one was written through another, without a step of its own, to see whether both show the same memory; a mark stands for
/// it. Afterwards the recorder unmapped them one by one, the newest first, and looked after each what is left.
/// </summary>
internal sealed class NumberedMaps
{
    private const int RunsShown = 24;
    private readonly List<Map> _maps = [];
    private readonly HashSet<ulong> _written = [];

    /// <summary>Bytes were read: what follows looks at what is left.</summary>
    public bool WereRead { get; private set; }

    /// <summary>Whether a word is such a name but <c>m</c>, which cases with one mapping have as well.</summary>
    public static bool IsName(string word) => word is ['m', >= '2' and <= '9'];

    /// <summary>Whether a case has such names.</summary>
    public static bool AreMeant(ReplayCase c) => c.Records.Any(r => IsName(r.In.Text("map", "")));

    public static NumberedMaps Of(ReplayCase c) => c.State<NumberedMaps>();

    public void Add(MmapResult map, Record record) => _maps.Add(new Map(
        map.Address, map.Length, record.In.Number("offset", 0), record.In.Text("prot").Contains('W', StringComparison.Ordinal)));

    /// <summary>Bytes of a mapping by name: one, some, or a range as runs.</summary>
    public void Read(ReplayCase c, Record record, Answers answers)
    {
        Map map = Find(record.In.Text("map", "m"));
        WereRead = true;
        if (record.In.TryGetProperty("offsets", out JsonElement offsets))
        {
            IEnumerable<string> bytes = offsets.EnumerateArray().Select(o => o.GetUInt64()).Select(o => $"\"{o}\":\"{ByteAt(c, map, o)}\"");
            answers.SetRaw("bytes", $"{{{string.Join(',', bytes)}}}");
            return;
        }

        ulong offset = record.In.Number("offset", 0);
        if (record.In.Has("len"))
        {
            answers.SetRaw("runs", FlatMemory.Runs(GuestCase.Of(c).Load(map.Address + offset, record.In.Number("len")), RunsShown));
            return;
        }

        answers.Set("byte", ByteAt(c, map, offset));
    }

    /// <summary>munmap of the newest one that is left.</summary>
    public void UnmapNewest(GuestCase g)
    {
        if (_maps.Count > 0)
        {
            if (g.Guest.Mappings.Munmap(g.Process, _maps[^1].Address) is { } failure)
            {
                throw new InvalidOperationException(failure.Sentence);
            }

            _maps.RemoveAt(_maps.Count - 1);
        }
    }

    private Map Find(string name)
    {
        int at = name == "m" ? 0 : name[1] - '1';
        return at < _maps.Count ? _maps[at] : throw new InvalidOperationException($"{name} is not mapped.");
    }

    private string ByteAt(ReplayCase c, Map map, ulong offset)
    {
        var g = GuestCase.Of(c);
        ulong place = map.Offset + offset;
        if (_maps.Find(m => m != map && m.Writable && place - m.Offset < m.Length) is { } other && _written.Add(place))
        {
            g.Store(other.Address + (place - other.Offset), [c.Marks.Next()]);
        }

        return g.Load(map.Address + offset, 1)[0].ToString("x2", CultureInfo.InvariantCulture);
    }

    /// <summary>A mapping.</summary>
    /// <param name="Address">Where.</param>
    /// <param name="Length">Bytes.</param>
    /// <param name="Offset">Where in the buffer it begins.</param>
    /// <param name="Writable">Whether it may be written through.</param>
    private sealed record Map(ulong Address, ulong Length, ulong Offset, bool Writable);
}
