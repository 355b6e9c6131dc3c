using System.Globalization;
using System.Text.RegularExpressions;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>
/// Text of trace events: family dma_trace, and the traced cases of others. Addresses are renamed A0, A1 … in the order of appearance
/// in the case, as the recorder did.
/// </summary>
internal static partial class TraceOps
{
    private const string PrimeImport = "prime import";
    private const string CloseHandle = "gem_close";
    private const string SyncWord = "SYNC ";

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("trace_enable", Enable),
        new("trace_line", (c, r, a) => a.Set("text", Lines(c).Next())),
        new("trace_lines", (c, r, a) => a.Set("count", (long)Lines(c).Count)),
    ];

    // A case of the DMA driver is one call sequence, run whole before its first line is looked at; the others run by their own steps.
    private static Trace Lines(ReplayCase c)
    {
        Trace trace = c.State<Trace>();
        if (!trace.Collected)
        {
            trace.Collected = true;
            trace.Add(c.Family == "dma_trace" && PhysName.IsMeant(c) ? RunPhysSequence(c, PhysName.Of(c)!) : RunUntold(c));
        }

        return trace;
    }

    // Of a sequence with a PRIME import only that has a step: what the words say besides, and no step does, is done here.
    private static IReadOnlyList<string> RunUntold(ReplayCase c)
    {
        var g = GuestCase.Of(c);
        string[] sequence = c.Input("seq")?.Split(", ") ?? [];
        foreach (string part in sequence.Contains(PrimeImport) ? sequence : [])
        {
            if (part.StartsWith(SyncWord, StringComparison.Ordinal) && !c.Has("dma_buf_sync"))
            {
                _ = g.Guest.Importers.Sync(g.Process, g.Fd(g.LastBuffer!), SyncFlagsOf(part));
            }
            else if (part == CloseHandle && !c.Has(CloseHandle))
            {
                DrmOps.CloseNewestHandle(c);
            }
        }

        return g.TakeTrace();
    }

    // "SYNC START|READ"
    private static ulong SyncFlagsOf(string words) => words[SyncWord.Length..].Split('|')
        .Aggregate(0UL, (sum, word) => sum | word switch { "READ" => 1UL, "WRITE" => 2, "RW" => 3, "END" => 4, _ => 0 });

    private static void Enable(ReplayCase c, Record record, Answers answers)
    {
        // "dma/enable" is the switch of a whole group.
        string name = record.In.Text("event").Replace('/', ':');
        name = name.EndsWith(":enable", StringComparison.Ordinal) ? name.Replace(":enable", ":*", StringComparison.Ordinal) : name;
        answers.SetResult(GuestCase.Of(c).Guest.Trace.Set(name, on: true));
    }

    private static IReadOnlyList<string> RunPhysSequence(ReplayCase c, PhysName name)
    {
        DmaWorld world = c.World.Dma;
        DmaDevice device = world.NewDevice(name.MaskBits, 0, "oracle-dma");
        ulong size = name.Size;
        var attributes = (DmaAttributes)c.Records.First(r => r.In.Has("attrs")).In.Number("attrs");
        DmaDirection direction = DmaWorld.DirectionOf(c.Input("dir") ?? "BIDIRECTIONAL");
        ulong phys = world.Spec.MemoryBytes > 3UL << 30 ? DmaWorld.High : DmaWorld.Low;
        world.Tracing = true;
        Result<ulong> mapped = world.Mapper.MapPhys(device, phys, size, direction, attributes);
        if (mapped.Ok)
        {
            if ((attributes & DmaAttributes.Mmio) == 0)
            {
                _ = world.Mapper.SyncForCpu(device, mapped.Value, size, direction);
                _ = world.Mapper.SyncForDevice(device, mapped.Value, size, direction);
            }

            _ = world.Mapper.UnmapPhys(device, mapped.Value, size, direction, attributes);
        }

        world.Tracing = false;
        return world.TakeTrace();
    }

    /// <summary>The lines of a case with their addresses renamed.</summary>
    private sealed partial class Trace
    {
        private readonly List<string> _lines = [];
        private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
        private int _next;

        public bool Collected { get; set; }

        public int Count => _lines.Count;

        public void Add(IEnumerable<string> lines) => _lines.AddRange(lines.Select(Rename));

        public string? Next() => _next < _lines.Count ? _lines[_next++] : null;

        private string Rename(string line) =>
            AddressFields().Replace(line, field => field.Groups[1].Value + Numbers().Replace(field.Groups[2].Value, n => NameOf(n.Value)));

        private string NameOf(string number)
        {
            string digits = number.StartsWith("0x", StringComparison.Ordinal) ? number[2..] : number;
            if (ulong.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture) == ulong.MaxValue)
            {
                return number;
            }

            if (!_names.TryGetValue(digits, out string? name))
            {
                _names.Add(digits, name = $"A{_names.Count}");
            }

            return name;
        }

        [GeneratedRegex(@"((?:dma_addr|dma_addrs|phys_addr|phys_addrs|dev_addr)=)(\{[^}]*\}|[0-9a-f]+)")]
        private static partial Regex AddressFields();

        [GeneratedRegex("0x[0-9a-f]+|[0-9a-f]+")]
        private static partial Regex Numbers();
    }
}
