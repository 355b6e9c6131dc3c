using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>
/// Sync files, software timelines and the CPU-access ioctl that waits for them: family syncfile, and poll and vgem in parts.
/// </summary>
internal static partial class SyncFileOps
{
    private const int DefaultSignalMilliseconds = 300;
    private const string FirstTimeline = "1";
    private const string SecondTimeline = "2";
    private const string DoneTimeline = "done";
    private const string TimelineGroup = "timeline";

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("export_sync_file", Export),
        new("import_sync_file", Import),
        new("sync_file_info", Info),
        new("sw_sync_inc", (c, r, a) => Must(GuestCase.Of(c).Guest.Fences.Advance(
            GuestCase.Of(c).Process, Timeline(c, NameIn(r) ?? FirstTimeline).Fd, (uint)r.In.Number("by", 1)))),
        new("sw_sync_close_timeline", (c, r, a) => Must(GuestCase.Of(c).Guest.Files.Close(
            GuestCase.Of(c).Process, Timeline(c, FirstTimeline).Fd))),
        new("syncfile/dma_buf_sync", Sync),
        new("dma_buf_sync_blocking", SyncBlocking),
        new("syncfile/elapsed", (c, r, a) => a.Set("blocked", c.State<State>().Blocked)),
    ];

    private static void Export(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        Result<int> made = g.Guest.Buffers.ExportSyncFile(g.Process, g.Fd(record.In.Text("fd")), (uint)record.In.Number("flags"));
        answers.SetResult(made.Failure);
        if (!made.Ok)
        {
            // The structure comes back as it went in.
            answers.Set("fd_field_after", record.In.Signed("fd_field", 0));
            return;
        }

        g.NameFile(answers.Label("s"), made.Value);
        answers.Set("getfd", g.Process.Fds.IsCloseOnExec(made.Value) ? 1L : 0L);
        answers.Set("getfl", string.Create(CultureInfo.InvariantCulture, $"0x{(int)g.Process.Fds.Find(made.Value)!.Access:x}"));
        Tell(g, made.Value, answers);
    }

    private static void Import(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        string word = record.In.Text("sync_fd", "sw_sync");
        int fence = KnowsFence(word) ? NewFence(c, word) : NamedFiles.FdOrNone(c, word);
        answers.SetResult(g.Guest.Buffers.ImportSyncFile(g.Process, g.Fd(record.In.Text("fd")), (uint)record.In.Number("flags"), fence));
    }

    /// <summary>Whether a word means a fence of a software timeline: what it is of, whether it is signaled, which timeline's.</summary>
    public static bool KnowsFence(string word) => FenceForm().IsMatch(word);

    // The timeline that a word names; else the first one, or, where steps name several, each import has the next one.
    private static int NewFence(ReplayCase c, string word)
    {
        var g = GuestCase.Of(c);
        if (word.Split('_', ' ').Contains("signaled"))
        {
            TimelineState done = Timeline(c, DoneTimeline);
            int signaled = g.Guest.Fences.CreateFence(g.Process, done.Fd, ++done.LastValue).Value;
            Must(g.Guest.Fences.Advance(g.Process, done.Fd, 1));
            return signaled;
        }

        TimelineState timeline = Timeline(c, NameIn(word) ?? NextName(c));
        return g.Guest.Fences.CreateFence(g.Process, timeline.Fd, ++timeline.LastValue).Value;
    }

    private static string NextName(ReplayCase c)
    {
        string[] named = [.. c.Records.Select(NameIn).OfType<string>().Distinct().Order(StringComparer.Ordinal)];
        return named.Length == 0 ? FirstTimeline : named[Math.Min(c.State<State>().Unnamed++, named.Length - 1)];
    }

    private static string? NameIn(Record record) => !record.In.TryGetProperty("tl", out JsonElement name) ? null
        : name.ValueKind == JsonValueKind.String ? NameIn(name.GetString()!) ?? name.GetString()
        : name.GetRawText();

    private static string? NameIn(string word) =>
        FenceForm().Match(word).Groups[TimelineGroup] is { Success: true, Length: > 0 } group
            ? group.Value is "second" or "other" ? SecondTimeline : group.Value
            : null;

    private static void Info(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        Tell(g, g.Fd(record.In.Text("fd")), answers);
    }

    private static void Sync(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        Result<SyncOutcome> outcome = g.Guest.Importers.Sync(g.Process, g.Fd(record.In.Text("fd")), record.In.Number("flags"));
        c.State<State>().Blocked = outcome.Ok && outcome.Value.Wait is not null;
        answers.SetResult(outcome.Failure);
    }

    private static void SyncBlocking(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        Result<SyncOutcome> outcome = g.Guest.Importers.Sync(g.Process, g.Fd(record.In.Text("fd")), record.In.Number("flags"));
        FenceWait? wait = outcome.Ok ? outcome.Value.Wait : null;
        g.World.Time.Advance(TimeSpan.FromMilliseconds(record.In.Number("signaled_after_ms", DefaultSignalMilliseconds)));
        bool waited = wait is { Done: false };
        Must(g.Guest.Fences.Advance(g.Process, Timeline(c, FirstTimeline).Fd, 1));
        answers.Set("waited", waited);
        answers.SetResult(
            outcome.Failure ?? (wait is { Done: false } ? new Failure(Errno.ETIMEDOUT, "", "", "") : wait?.Completion.Result));
    }

    private static void Tell(GuestCase g, int fd, Answers answers)
    {
        Result<SyncFileInfo> info = g.Guest.Fences.Info(g.Process, fd);
        answers.SetResult(info.Failure);
        if (!info.Ok)
        {
            return;
        }

        answers.Set("status", (long)info.Value.Status);
        answers.Set("num_fences", (long)info.Value.Fences.Count);
        answers.SetRaw("fences", "[" + string.Join(',', info.Value.Fences.Select(f => string.Create(CultureInfo.InvariantCulture,
            $"{{\"obj\":{JsonSerializer.Serialize(f.Timeline)},\"driver\":{JsonSerializer.Serialize(f.Driver)},"
            + $"\"status\":{f.Status}}}"))) + "]");
    }

    // A timeline of the recorder's, made when first asked for.
    private static TimelineState Timeline(ReplayCase c, string name)
    {
        var g = GuestCase.Of(c);
        Dictionary<string, TimelineState> timelines = c.State<State>().Timelines;
        if (!timelines.TryGetValue(name, out TimelineState? timeline))
        {
            timelines.Add(name, timeline = new TimelineState(g.Guest.Fences.CreateTimeline(g.Process, "heapprobe").Value));
        }

        return timeline;
    }

    private static void Must(Failure? failure)
    {
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }

    [GeneratedRegex("^(?:(?:sw|sync|read|write|fence|unsignaled|signaled|first"
        + "|(?:tl|timeline)(?<timeline>[0-9A-Z]?)|(?<timeline>second|other|[0-9A-Z]))(?:[_ ]|$))+$")]
    private static partial Regex FenceForm();

    private sealed class State
    {
        public Dictionary<string, TimelineState> Timelines { get; } = new(StringComparer.Ordinal);

        /// <summary>Imports of fences whose timeline no word named.</summary>
        public int Unnamed { get; set; }

        public bool Blocked { get; set; }
    }

    private sealed class TimelineState(int fd)
    {
        public int Fd => fd;

        public uint LastValue { get; set; }
    }
}
