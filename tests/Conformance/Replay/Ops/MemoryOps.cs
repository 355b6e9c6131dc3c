using System.Globalization;
using System.Text.Json;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Mappings;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>mmap, and CPU loads and stores through a mapping.</summary>
internal static class MemoryOps
{
    private const int RunsShown = 24;

    /// <summary>Mapping flags; without any the mapping is neither shared nor private.</summary>
    internal static readonly Dictionary<string, MapFlags> MapFlagWords = new(StringComparer.Ordinal)
    {
        ["0"] = MapFlags.None,
        ["MAP_SHARED"] = MapFlags.Shared,
        ["MAP_PRIVATE"] = MapFlags.Private,
        ["MAP_SHARED_VALIDATE"] = MapFlags.SharedValidate,
    };

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("mmap", Mmap),
        new("cpu_read", (c, r, a) => AnswerRuns(a, Load(c, r.In.Number("off"), r.In.Number("len")))),
        new("cpu_write", (c, r, _) => Fill(c, r.In.Number("off"), r.In.Number("len"), r.In.Byte("byte"))),
        new("mem_fill", (c, r, _) => Fill(c, 0, r.In.Number("len"), r.In.Byte("byte"))),
        new("mem_read", Read),
        new("mem_poke", Poke),
    ];

    private static ulong Base(ReplayCase c) => GuestCase.Of(c).UserMapping();

    private static byte[] Load(ReplayCase c, ulong offset, ulong length) => GuestCase.Of(c).Load(Base(c) + offset, length);

    private static void Fill(ReplayCase c, ulong offset, ulong length, byte value) => GuestCase.Of(c).Fill(Base(c) + offset, length, value);

    private static void AnswerRuns(Answers answers, byte[] bytes) => answers.SetRaw("runs", FlatMemory.Runs(bytes, RunsShown));

    private static void Mmap(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        Result<MmapResult> map = g.Guest.Mappings.Mmap(
            g.Process, g.Fd(record.In.Text("fd")), record.In.Number("offset", 0), record.In.Number("len"),
            ProtectionOf(record.In.Text("prot")), MapFlagWords[record.In.Text("flags")]);
        answers.SetResult(map.Failure);
        if (map.Ok && NumberedMaps.AreMeant(c))
        {
            NumberedMaps.Of(c).Add(map.Value, record);
            g.Mapping ??= (map.Value.Address, map.Value.Length);
        }
        else if (map.Ok)
        {
            g.Mapping = (map.Value.Address, map.Value.Length);
            g.MappingOffset = record.In.Number("offset", 0);
            Untold.Store(c, record);
        }
    }

    public static MapProtection ProtectionOf(string word) =>
        (word.Contains('R', StringComparison.Ordinal) ? MapProtection.Read : MapProtection.None)
        | (word.Contains('W', StringComparison.Ordinal) ? MapProtection.Write : MapProtection.None)
        | (word.Contains('X', StringComparison.Ordinal) ? MapProtection.Execute : MapProtection.None);

    /// <summary>One byte, bytes at offsets, or a range as runs.</summary>
    public static void Read(ReplayCase c, Record record, Answers answers)
    {
        if (NumberedMaps.AreMeant(c))
        {
            NumberedMaps.Of(c).Read(c, record, answers);
            return;
        }

        if (record.In.TryGetProperty("offsets", out JsonElement offsets))
        {
            IEnumerable<string> bytes = offsets.EnumerateArray()
                .Select(o => $"\"{o.GetUInt64()}\":\"{Load(c, o.GetUInt64(), 1)[0]:x2}\"");
            answers.SetRaw("bytes", $"{{{string.Join(',', bytes)}}}");
            return;
        }

        if (!record.In.Has("len"))
        {
            answers.Set("byte", Load(c, record.In.Number("offset", 0), 1)[0].ToString("x2", CultureInfo.InvariantCulture));
            return;
        }

        AnswerRuns(answers, Load(c, record.In.Number("offset", 0), record.In.Number("len")));
    }

    private static void Poke(ReplayCase c, Record record, Answers answers)
    {
        foreach (JsonProperty poke in record.In.GetProperty("bytes").EnumerateObject())
        {
            ulong offset = ulong.Parse(poke.Name, CultureInfo.InvariantCulture);
            Fill(c, offset, 1, byte.Parse(poke.Value.GetString()!, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }
    }
}
