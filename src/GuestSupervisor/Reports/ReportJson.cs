using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Supervisor.Reports;

/// <summary>A report as JSON, for programs.</summary>
public static class ReportJson
{
    private static readonly JsonSerializerOptions Format = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes it.</summary>
    public static string Of(RunReport report) => new JsonObject
    {
        ["program"] = new JsonArray([.. report.Program.Select(p => (JsonNode)p)]),
        ["platform"] = ShapeWords.NameOf(report.Shape.Platform),
        ["kernel"] = ShapeWords.NameOf(report.Shape.Kernel),
        ["exit_code"] = report.ExitCode,
        ["guest_state"] = report.Guest.State,
        ["left_running"] = report.LeftRunning,
        ["stopped_calls"] = report.StoppedCalls,
        ["guest_locks"] = report.GuestLocks,
        ["leaks"] = new JsonArray([.. report.Leaks.Select(LeakOf)]),
        ["faults"] = new JsonArray([.. report.Faults.Select(FaultOf)]),
        ["calls"] = new JsonArray([.. report.Calls.Select(c => (JsonNode)c)]),
        ["costs"] = new JsonObject(RunCosts.Of(report).Select(c => KeyValuePair.Create(c.Name, (JsonNode?)c.Value))),
    }.ToJsonString(Format) + "\n";

    private static JsonNode LeakOf(Leak leak) => new JsonObject
    {
        ["what"] = leak.What,
        ["call"] = leak.Origin.Call,
        ["program"] = leak.Origin.Program,
        ["pid"] = leak.Origin.Pid,
        ["place"] = leak.Origin.Place,
        ["fds"] = leak.Left is null ? null : new JsonArray([.. leak.Left.Fds.Select(fd => (JsonNode)fd)]),
        ["mappings"] = leak.Left?.Mappings,
    };

    private static JsonNode FaultOf(FaultStatus fault) => new JsonObject
    {
        ["point"] = FaultPointInfo.Of(fault.Spec.Point).Name,
        ["calls"] = fault.Calls,
        ["fired"] = fault.Fired,
    };
}
