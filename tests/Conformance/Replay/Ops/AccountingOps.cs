using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Mappings;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Many buffers in a row: zeroing, leaks, what allocations cost, exhaustion. Family mem.</summary>
internal static class AccountingOps
{
    private const ulong MiB = 1UL << 20;
    private const int KilobyteShift = 10;

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("alloc_dirty_free_realloc", DirtyAndFree),
        new("alloc_free_loop", FreeLoop),
        new("memfree_drop", Drop),
        new("alloc_until_fail", UntilFail),
        new("rlimit_memlock_zero_ignored", (c, _, a) => a.Set("allocated", GuestCase.Of(c).Guest.Heaps.Allocate(
            GuestCase.Of(c).Process, "system", MiB, OpenFlags.ReadWrite, 0).Ok ? 1L : 0L)),
    ];

    private static Result<BufferHandle> Allocate(GuestCase g, Record record) =>
        g.Guest.Heaps.Allocate(g.Process, record.In.Text("heap"), record.In.Number("len"), OpenFlags.ReadWrite, 0);

    private static ulong FreeBytes(GuestCase g) => g.Guest.Snapshot().Memory.Free;

    private static void DirtyAndFree(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        (long allocated, long dirty) = (0, 0);
        for (ulong round = 0; round < record.In.Number("rounds"); round++)
        {
            Result<BufferHandle> made = Allocate(g, record);
            if (!made.Ok)
            {
                continue;
            }

            allocated++;
            MmapResult map = g.Guest.Mappings.Mmap(g.Process, made.Value.Fd, 0, null, null, MapFlags.Shared).Value;
            dirty += g.IsZero(map.Address, map.Length) ? 0 : 1;
            g.Fill(map.Address, map.Length, 0xff);
            Must(g.Guest.Mappings.Munmap(g.Process, map.Address));
            Must(g.Guest.Files.Close(g.Process, made.Value.Fd));
        }

        answers.Set("allocated", allocated);
        answers.Set("buffers_not_zero", dirty);
    }

    private static void FreeLoop(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        ulong before = FreeBytes(g);
        long done = 0;
        for (ulong round = 0; round < record.In.Number("rounds"); round++)
        {
            Result<BufferHandle> made = Allocate(g, record);
            done += made.Ok ? 1 : 0;
            Must(made.Ok ? g.Guest.Files.Close(g.Process, made.Value.Fd) : null);
        }

        answers.Set("ok", done);
        answers.Set("memfree_drop_lt_2048kb", before - Math.Min(before, FreeBytes(g)) < 2 * MiB);
        answers.Set("live_buffers", (long)g.Guest.Buffers.Live);
    }

    private static void Drop(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        ulong expected = record.In.Number("len") * record.In.Number("count");
        ulong before = FreeBytes(g);
        for (ulong i = 0; i < record.In.Number("count"); i++)
        {
            _ = Allocate(g, record).Value;
        }

        answers.Set("expected_kb", expected >> KilobyteShift);
        if (g.Guest.HeapNodes.Single(h => h.Name == record.In.Text("heap")).Kind == CocoGuest.Machine.Heaps.HeapKind.Cma)
        {
            answers.LeaveOut("memfree_drop_ge_expected_minus_1MiB");
            return;
        }

        answers.Set("memfree_drop_ge_expected_minus_1MiB", before - FreeBytes(g) + MiB >= expected);
    }

    private static void UntilFail(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        var fds = new List<int>();
        Result<BufferHandle> made = Allocate(g, record);
        for (; made.Ok; made = Allocate(g, record))
        {
            fds.Add(made.Value.Fd);
        }

        answers.SetResult(made.Failure);
        answers.Set("count", (long)fds.Count);
        fds.ForEach(fd => Must(g.Guest.Files.Close(g.Process, fd)));
    }

    private static void Must(Failure? failure)
    {
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }
}
