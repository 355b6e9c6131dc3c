using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.PageState;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Conversions: how many there were, and failing ones. Families cc_*.</summary>
internal static class ConversionOps
{
    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("crypt_counters", Counters),
        new("inject", Inject),
        new("leak", (c, _, a) => a.Set("buffers_left", (long)GuestCase.Of(c).Guest.Buffers.Live)),
        new("release_with_failing_reencrypt", ReleaseWithFailingReencrypt),
    ];

    // The name of the moment is what the recorder did before it looked: closing or unmapping has no step of its own.
    private static void Counters(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        string when = record.In.Text("when");
        if (when is "end" or "after close")
        {
            g.CloseEverything();
        }
        else if (when == "close_while_mapped")
        {
            g.CloseFds();
        }
        else if (when == "munmap")
        {
            g.Unmap();
        }

        Answer(g, answers);
    }

    private static void Answer(GuestCase g, Answers answers)
    {
        (ConversionCounters now, ConversionCounters then) = (g.Guest.Pages.Counters, g.CountersAtStart);
        answers.Set("set_decrypted_calls", now.ConversionsToShared - then.ConversionsToShared);
        answers.Set("set_encrypted_calls", now.ConversionsToPrivate - then.ConversionsToPrivate);
        answers.Set("decrypted_pages_ok", now.PagesToShared - then.PagesToShared);
        answers.Set("encrypted_pages_ok", now.PagesToPrivate - then.PagesToPrivate);
        answers.Set("pgprot_decrypted_calls", g.Guest.Mappings.DecryptedProtections - g.ProtectionsAtStart);
    }

    // "all", "none" or "call 1".
    private static void Inject(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        var errno = (Errno)record.In.Number("inject_errno");
        Arm(g, new FaultSpec(FaultPoint.FailDecrypt) { Interval = record.In.Number("fail_decrypt_call"), Times = 1, Errno = errno });
        string which = record.In.Text("fail_encrypt");
        if (which != "none")
        {
            ulong call = which == "all" ? 1 : ulong.Parse(which["call ".Length..], System.Globalization.CultureInfo.InvariantCulture);
            Arm(g, new FaultSpec(FaultPoint.FailEncrypt) { Interval = call, Times = which == "all" ? -1 : 1, Errno = errno });
        }
    }

    private static void Arm(GuestCase g, FaultSpec spec)
    {
        Result<ulong> armed = g.Guest.Faults.Inject(spec);
        if (!armed.Ok)
        {
            throw new InvalidOperationException(armed.Failure.Sentence);
        }
    }

    // Each round allocates a shared buffer and closes it while re-encryption of all chunks, of the first or of none fails.
    private static void ReleaseWithFailingReencrypt(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        string which = record.In.Text("fail");
        ulong leakedBefore = g.Guest.SystemHeap.LeakedBytes;
        bool byFlag = g.Guest.Kernel.SharedHeapName is null;
        for (ulong round = 0; round < record.In.Number("rounds"); round++)
        {
            int fd = g.Guest.Heaps.Allocate(
                g.Process, g.Guest.Kernel.SharedHeapName ?? "system", record.In.Number("len"), 2, byFlag ? 1UL : 0).Value.Fd;
            if (which != "none")
            {
                Arm(g, new FaultSpec(FaultPoint.FailEncrypt) { Times = which.StartsWith("all", StringComparison.Ordinal) ? -1 : 1 });
            }

            _ = g.Guest.Files.Close(g.Process, fd);
            g.Guest.Faults.ClearAll();
        }

        Answer(g, answers);
        answers.Set("decrypted_pages", g.Guest.Pages.Counters.PagesToShared - g.CountersAtStart.PagesToShared);
        ulong leaked = (g.Guest.SystemHeap.LeakedBytes - leakedBefore) >> 12;
        answers.Set("leaked_pages_by_counter", leaked);
        answers.Set("live_buffers", (long)g.Guest.Buffers.Live);
        answers.Set("expected_all_leak_kb", which switch
        {
            "none" => 0L,
            _ when which.StartsWith("all", StringComparison.Ordinal) => (long)(g.Guest.SystemHeap.LeakedBytes - leakedBefore) >> 10,
            _ => -1L,
        });
    }
}
