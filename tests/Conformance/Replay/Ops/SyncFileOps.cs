using System.Globalization;
using System.Text.Json;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>
/// Sync files, software timelines and the CPU-access ioctl that waits for them: family syncfile, and poll and vgem in parts.
/// </summary>
internal static class SyncFileOps
{
    private const int DefaultSignalMilliseconds = 300;

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("export_sync_file", Export),
        new("import_sync_file", Import),
        new("sync_file_info", Info),
        new("sw_sync_inc", (c, r, a) => Must(GuestCase.Of(c).Guest.Fences.Advance(
            GuestCase.Of(c).Process, Timeline(c), (uint)r.In.Number("by", 1)))),
        new("sw_sync_close_timeline", (c, r, a) => Must(GuestCase.Of(c).Guest.Files.Close(GuestCase.Of(c).Process, Timeline(c)))),
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
        State state = c.State<State>();
        int fence = g.Guest.Fences.CreateFence(g.Process, Timeline(c), ++state.LastValue).Value;
        answers.SetResult(g.Guest.Buffers.ImportSyncFile(g.Process, g.Fd(record.In.Text("fd")), (uint)record.In.Number("flags"), fence));
    }

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
        Must(g.Guest.Fences.Advance(g.Process, Timeline(c), 1));
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

    // The recorder's timeline of the case, made when first asked for.
    private static int Timeline(ReplayCase c)
    {
        var g = GuestCase.Of(c);
        State state = c.State<State>();
        return state.Timeline ??= g.Guest.Fences.CreateTimeline(g.Process, "heapprobe").Value;
    }

    private static void Must(Failure? failure)
    {
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }

    private sealed class State
    {
        public int? Timeline { get; set; }

        public uint LastValue { get; set; }

        public bool Blocked { get; set; }
    }
}
