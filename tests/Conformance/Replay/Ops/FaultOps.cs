using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.PageState;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>
/// Failing allocations by fail-nth: family fault, and the late failures of cc_fail_late. At which n a failure shows depends on how the
/// kernel was built, so the replay tries n = 1, 2 … until nothing fails any more; the record has to be, whole, what came of one of them.
/// </summary>
internal static class FaultOps
{
    private const uint MostAllocations = 64;

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("heap_alloc_fail_nth", (c, r, a) => a.OneOf(Try(c, () => Allocate(c, r)), Answer)),
        new("prime_import_fail_nth", PrimeImport),
        new("ioctl_fail_nth", Ioctl),
        new("heap_alloc_nofile_exhausted", AllocateWithoutFds),
    ];

    private static List<Outcome> Try(ReplayCase c, Func<Outcome> call)
    {
        var g = GuestCase.Of(c);
        List<Outcome> outcomes = [];
        for (uint n = 1; n <= MostAllocations && (outcomes.Count == 0 || outcomes[^1].Hit); n++)
        {
            _ = g.Guest.Faults.SetFailNth(g.Process, n);
            ulong hits = g.Guest.Faults.FailNthOf(g.Process).Hits;
            Outcome outcome = call();
            outcome.Hit = g.Guest.Faults.FailNthOf(g.Process).Hits > hits;
            outcomes.Add(outcome);
        }

        _ = g.Guest.Faults.SetFailNth(g.Process, 0);
        return outcomes;
    }

    private static void Answer(Answers answers, Outcome outcome)
    {
        answers.SetResult(outcome.Failure);
        answers.Set("fault_hit", outcome.Hit ? 1L : 0L);
        answers.Set("buffers_leaked", outcome.Leaked);
        answers.Set("set_decrypted_calls", outcome.Decrypted);
        answers.Set("set_encrypted_calls", outcome.Encrypted);
        answers.Set("refs_after", outcome.References);
        answers.Set("swiotlb_used", outcome.Used);
    }

    // The recorder closed the buffer again when there was one.
    private static Outcome Allocate(ReplayCase c, Record record)
    {
        var g = GuestCase.Of(c);
        (long live, ConversionCounters before) = (g.Guest.Buffers.Live, g.Guest.Pages.Counters);
        Result<BufferHandle> made = g.Guest.Heaps.Allocate(
            g.Process, record.In.Text("heap"), record.In.Number("len"), 2, record.In.Number("heap_flags", 0));
        DisarmAndClose(g, made.Ok ? made.Value.Fd : -1);
        ConversionCounters after = g.Guest.Pages.Counters;
        return new Outcome
        {
            Failure = made.Failure,
            Leaked = g.Guest.Buffers.Live - live,
            Decrypted = after.ConversionsToShared - before.ConversionsToShared,
            Encrypted = after.ConversionsToPrivate - before.ConversionsToPrivate,
        };
    }

    private static void DisarmAndClose(GuestCase g, int fd)
    {
        _ = g.Guest.Faults.SetFailNth(g.Process, 0);
        if (fd >= 0)
        {
            _ = g.Guest.Files.Close(g.Process, fd);
        }
    }

    private static void PrimeImport(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        int fd = g.Guest.Heaps.Allocate(g.Process, record.In.Text("heap"), record.In.Number("len"), 2, 0).Value.Fd;
        int node = g.Guest.Drm.Open(g.Process, "vgem").Value;
        var buffer = (DmaBuf)g.Process.Fds.Find(fd)!;
        answers.OneOf(Try(c, () =>
        {
            Result<uint> handle = g.Guest.Drm.FdToHandle(g.Process, node, fd);
            DisarmAndClose(g, -1);
            if (handle.Ok)
            {
                _ = g.Guest.Drm.GemClose(g.Process, node, handle.Value);
            }

            return new Outcome { Failure = handle.Failure, References = buffer.References, Used = g.World.Used };
        }), Answer);
    }

    private static void Ioctl(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        int fd = g.Guest.Heaps.Allocate(g.Process, "system", 4096, 2, 0).Value.Fd;
        answers.OneOf(Try(c, () => new Outcome
        {
            Failure = record.In.Text("ioctl") switch
            {
                "set_name" => g.Guest.Buffers.SetName(g.Process, fd, "name"),
                "sync" => g.Guest.Importers.Sync(g.Process, fd, 1).Failure,
                "export_sync_file" => g.Guest.Buffers.ExportSyncFile(g.Process, fd, 3).Failure,
                var other => throw new InvalidOperationException($"ioctl '{other}'"),
            },
        }), Answer);
    }

    private static void AllocateWithoutFds(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        _ = g.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailFd) { Times = 1 }).Value;
        Outcome outcome = Allocate(c, record);
        answers.SetResult(outcome.Failure);
        answers.Set("buffers_left", outcome.Leaked);
    }

    private sealed class Outcome
    {
        public Failure? Failure { get; init; }

        public bool Hit { get; set; }

        public long Leaked { get; init; }

        public ulong Decrypted { get; init; }

        public ulong Encrypted { get; init; }

        public long References { get; init; }

        public long Used { get; init; }
    }
}
