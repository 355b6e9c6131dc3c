using System.Globalization;
using System.Text.RegularExpressions;
using CocoGuest.Machine;
using CocoGuest.Machine.Dma;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>
/// Text of trace events: family dma_trace, and the traced cases of others. Addresses are renamed A0, A1 … in the order of their appearance in
/// the case, as the recorder did.
/// </summary>
internal static partial class TraceOps
{
    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("trace_enable", Enable),
        new("trace_line", (c, r, a) => a.Set("text", Lines(c).Next())),
        new("swiotlb/trace_line", (c, r, a) => a.Set("text", SpokenSequence(c, r).Next())),
        new("trace_lines", (c, r, a) => a.Set("count", (long)Lines(c).Count)),
    ];

    // A case of the DMA driver is one call sequence, run whole before its first line is looked at; the others run by their own steps.
    private static Trace Lines(ReplayCase c)
    {
        Trace trace = c.State<Trace>();
        if (!trace.Collected)
        {
            trace.Collected = true;
            trace.Add(c.Name.Contains(".phys.", StringComparison.Ordinal) ? RunPhysSequence(c) : GuestCase.Of(c).TakeTrace());
        }

        return trace;
    }

    // The recorder wrote down what it traced in words: "alloc LENGTH, prime import, SYNC START|READ, SYNC END|WRITE, gem_close".
    private static Trace SpokenSequence(ReplayCase c, Record record)
    {
        if (!c.State<Trace>().Collected)
        {
            foreach (string step in record.In.Text("seq").Split(", "))
            {
                Speak(c, step);
            }
        }

        return Lines(c);
    }

    private static void Speak(ReplayCase c, string step)
    {
        GuestCase g = GuestCase.Of(c);
        string[] words = step.Split(' ', '|');
        switch (words[0])
        {
            case "alloc":
                string heap = g.Guest.HeapNodes.Select(h => h.Name).Single(c.Name.Split('.').Contains);
                g.Name("a", g.Guest.Buffers.Allocate(g.Process, heap, Convert.ToUInt64(words[1], 16), 2, 0).Value.Fd);
                break;
            case "prime":
                g.Name("node", g.Guest.Drm.Open(g.Process, "vgem").Value);
                _ = g.Guest.Drm.FdToHandle(g.Process, g.Fd("node"), g.Fd("a")).Value;
                break;
            case "SYNC":
                ulong flags = (words.Contains("READ") ? 1UL : 0) | (words.Contains("WRITE") ? 2UL : 0) | (words.Contains("END") ? 4UL : 0);
                _ = g.Guest.Importers.Sync(g.Process, g.Fd("a"), flags).Value;
                break;
            case "gem_close":
                _ = g.Guest.Drm.GemClose(g.Process, g.Fd("node"), 1);
                break;
            default:
                throw new InvalidOperationException($"'{step}' is no step that the replay knows.");
        }
    }

    private static void Enable(ReplayCase c, Record record, Answers answers)
    {
        // "dma/enable" is the switch of a whole group.
        string name = record.In.Text("event").Replace('/', ':');
        name = name.EndsWith(":enable", StringComparison.Ordinal) ? name.Replace(":enable", ":*", StringComparison.Ordinal) : name;
        answers.SetResult(GuestCase.Of(c).Guest.Trace.Set(name, on: true));
    }

    // The parameters are words of the case's name: attr…, direction, size…, mask….
    private static IReadOnlyList<string> RunPhysSequence(ReplayCase c)
    {
        string[] words = c.Name.Split('.');
        DmaWorld world = c.World.Dma;
        DmaDevice device = world.NewDevice((int)NumberAfter(words, "mask", 10), 0, "oracle-dma");
        ulong size = NumberAfter(words, "size", 10);
        var attributes = (DmaAttributes)NumberAfter(words, "attr", 16);
        DmaDirection direction = DmaWorld.DirectionOf(words.Single(w => w is "BIDIRECTIONAL" or "TO_DEVICE" or "FROM_DEVICE"));
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

    private static ulong NumberAfter(string[] words, string prefix, int radix) =>
        words.Where(w => w.StartsWith(prefix, StringComparison.Ordinal)).Select(w => Convert.ToUInt64(w[prefix.Length..], radix)).First();

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
