using System.Text.Json.Nodes;
using CocoGuest.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace CocoGuest.Cli.Demo;

/// <summary>What a run showed.</summary>
internal sealed class DemoReport
{
    public required DemoOptions Options { get; init; }

    public DemoPrediction Prediction { get; set; } = null!;

    public DemoOutcome Outcome { get; set; } = DemoOutcome.Unexpected;

    /// <summary>The error that ended the run, where one did.</summary>
    public string? Error { get; set; }

    /// <summary>Further predictions that were checked: what, and whether it held.</summary>
    public List<(string Sentence, bool Held)> Checks { get; } = [];

    public string Server { get; set; } = "";

    public string Guest { get; set; } = "";

    public string Picture { get; set; } = "";

    /// <summary>One row a process: role, pid, and bytes by path.</summary>
    public List<ProcessRow> Processes { get; } = [];

    public GuestInfo? Before { get; set; }

    public GuestInfo? During { get; set; }

    public GuestInfo? After { get; set; }

    public string StatesBefore { get; set; } = "";

    public string StatesDuring { get; set; } = "";

    public string StatesAfter { get; set; } = "";

    public PrivatePage? Page { get; set; }

    /// <summary>Bytes that the server copied during the run.</summary>
    public CopyCounters? Copies => Difference(Before?.Copies, During?.Copies);

    /// <summary>Where the drawn picture was saved, or the picture that was given.</summary>
    public string? Input { get; set; }

    /// <summary>Conversions until the result was saved, those of the guest's boot not counted.</summary>
    public ConversionCounters? Conversions => Difference(Before?.Conversions, During?.Conversions);

    /// <summary>Conversions by the release of everything, after that; null if the run did not come so far.</summary>
    public ConversionCounters? ConversionsAtRelease => Difference(During?.Conversions, After?.Conversions);

    public bool AsPredicted => Outcome == Prediction.Outcome && Checks.TrueForAll(c => c.Held);

    public JsonObject ToJson() => new()
    {
        ["platform"] = Options.Platform,
        ["heap"] = Options.Heap,
        ["sync"] = Options.Sync,
        ["order"] = Options.GpuFirst ? "gpu-first" : "rdma-first",
        ["mediated"] = Options.Mediated,
        ["picture"] = Picture,
        ["input"] = Input,
        ["output"] = Outcome is DemoOutcome.NoSuchHeap or DemoOutcome.MapFailed or DemoOutcome.Unexpected ? null : Options.Output,
        ["predicted"] = Prediction.Outcome.ToString(),
        ["statements"] = Prediction.Statements,
        ["because"] = Prediction.Because,
        ["outcome"] = Outcome.ToString(),
        ["asPredicted"] = AsPredicted,
        ["error"] = Error,
        ["checks"] = new JsonArray([.. Checks.Select(c => new JsonObject { ["sentence"] = c.Sentence, ["held"] = c.Held })]),
        ["server"] = Server,
        ["guest"] = Guest,
        ["processes"] = new JsonArray([.. Processes.Select(p => p.ToJson())]),
        ["serverCopies"] = Parse(Copies),
        ["conversions"] = Parse(Conversions),
        ["conversionsAtRelease"] = Parse(ConversionsAtRelease),
        ["swiotlb"] = Parse(During?.Swiotlb),
        ["pageStates"] = new JsonObject { ["before"] = StatesBefore, ["during"] = StatesDuring, ["after"] = StatesAfter },
        ["sharedBytes"] = new JsonObject
        {
            ["before"] = Before?.Memory.SharedBytes,
            ["during"] = During?.Memory.SharedBytes,
            ["after"] = After?.Memory.SharedBytes,
        },
        ["privatePage"] = Page?.ToJson(),
    };

    // Counters only rise and are all uint64: field by field.
    private static T? Difference<T>(T? before, T? after)
        where T : class, IMessage, new()
    {
        if (before is null || after is null)
            return null;
        var difference = new T();
        foreach (FieldDescriptor? field in difference.Descriptor.Fields.InFieldNumberOrder())
            field.Accessor.SetValue(difference, (ulong)field.Accessor.GetValue(after) - (ulong)field.Accessor.GetValue(before));
        return difference;
    }

    private static JsonNode? Parse(IMessage? message) =>
        message is null ? null : JsonNode.Parse(new JsonFormatter(
            JsonFormatter.Settings.Default.WithFormatDefaultValues(true)).Format(message));
}
